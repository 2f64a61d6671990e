// Heatmaps as numbers and as images. A joint of null means all of them, the highest at each cell.

// at 0, 0.1, 0.31, 0.62 and 1, as the legend in parts.css: low peaks stay visible
const COLOURS = [[64, 24, 150], [130, 44, 214], [238, 66, 130], [255, 158, 44], [255, 250, 190]];
const POWER = 0.6;
const IMAGES = new WeakMap();           // person -> {'stage/joint': canvas}

/** The (height x width) cells of a joint at a stage. */
function cells(person, stage, joint) {
  const { joints, height, width, values } = person.heatmaps;
  const size = height * width;
  const map = (k) => values.subarray((stage * joints + k) * size, (stage * joints + k + 1) * size);
  if (joint !== null) return map(joint);
  const highest = map(0).slice();
  for (let k = 1; k < joints; k += 1) {
    map(k).forEach((value, cell) => { if (value > highest[cell]) highest[cell] = value; });
  }
  return highest;
}

/** Probability that a joint is correct, for the result of a calibrated network, else its peak. */
export function trust(person, model, stage, joint) {
  if (person.probability && stage === model.stage) {
    const value = person.probability[joint];
    return { value, text: `${Math.round(100 * value)} %` };
  }
  const value = peak(person, stage, joint);
  return { value, text: value.toFixed(2) };
}

/** Height of a joint's peak. */
export function peak(person, stage, joint) {
  return cells(person, stage, joint).reduce((a, b) => Math.max(a, b), -Infinity);
}

/** A joint's heatmap as a canvas of its cells, transparent where it is low. */
export function heatImage(person, stage, joint) {
  if (!IMAGES.has(person)) IMAGES.set(person, {});
  const kept = IMAGES.get(person);
  const key = `${stage}/${joint}`;
  if (!kept[key]) {
    const { height, width } = person.heatmaps;
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    cells(person, stage, joint).forEach((value, cell) => {
      image.data.set(colour(Math.min(1, Math.max(0, value))), 4 * cell);
    });
    context.putImageData(image, 0, 0);
    kept[key] = canvas;
  }
  return kept[key];
}

/** Red, green, blue and opacity, 0 to 255, of a value from 0 to 1. */
function colour(value) {
  const place = value ** POWER * (COLOURS.length - 1);
  const low = Math.min(Math.floor(place), COLOURS.length - 2);
  const mixed = COLOURS[low].map((c, i) => c + (place - low) * (COLOURS[low + 1][i] - c));
  return [...mixed, 255 * Math.min(1, 4 * value)];
}

/** Distance between a joint's positions at two stages, image px; for null the joints' mean. */
export function moved(person, from, to, joint) {
  const distances = person.stage_keypoints[from].map(
    ([x, y], k) => Math.hypot(person.stage_keypoints[to][k][0] - x,
      person.stage_keypoints[to][k][1] - y));
  if (joint !== null) return distances[joint];
  return distances.reduce((a, b) => a + b) / distances.length;
}
