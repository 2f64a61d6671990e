// The large canvas and the small ones. Image px become canvas px by a view {left, top, scale}.
import { heatImage, peak } from './heat.js';

const DARK = 'rgba(8, 6, 20, 0.55)';

/** Fit a rectangle of the image, [x1, y1, x2, y2], into a size: the view, and the canvas' size. */
export function fit([x1, y1, x2, y2], maxWidth, maxHeight) {
  const scale = Math.min(maxWidth / (x2 - x1), maxHeight / (y2 - y1));
  return {
    left: x1, top: y1, scale,
    width: Math.max(1, Math.round((x2 - x1) * scale)),
    height: Math.max(1, Math.round((y2 - y1) * scale)),
  };
}

export function resize(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  return ratio;
}

/** Draw the image, or the crop that the network saw, with heatmap, boxes and skeletons. */
export function drawScene(canvas, state, view) {
  const context = canvas.getContext('2d');
  const pixel = resize(canvas, view.width, view.height) * view.scale;     // canvas px per image px
  context.setTransform(pixel, 0, 0, pixel, -view.left * pixel, -view.top * pixel);
  context.imageSmoothingQuality = 'high';
  const people = state.answer?.people ?? [];
  const person = people[state.person];
  const unit = 1 / view.scale;                                            // a CSS px, in image px
  if (state.view === 'crop' && person) {
    context.imageSmoothingEnabled = false;
    drawInto(context, person.input, person.box);
    context.imageSmoothingEnabled = true;
  } else {
    context.drawImage(state.bitmap, 0, 0);
  }
  if (person && state.shown !== null) {
    context.fillStyle = DARK;
    context.fillRect(view.left, view.top, view.width * unit, view.height * unit);
    drawInto(context, heatImage(person, state.stage, state.shown), person.box);
  }
  if (state.view === 'image') drawBoxes(context, state, unit);
  people.forEach((each, index) => {
    if (index !== state.person && state.view === 'crop') return;
    const faint = index === state.person ? 1 : 0.55;
    drawSkeleton(context, each, state, unit, faint, index === state.person);
  });
}

function drawInto(context, image, [x1, y1, x2, y2]) {
  context.drawImage(image, x1, y1, x2 - x1, y2 - y1);
}

function drawBoxes(context, { boxes, draft, person }, unit) {
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  [...boxes, ...(draft ? [draft] : [])].forEach(([x1, y1, x2, y2], index) => {
    const chosen = index === person || index === boxes.length;
    context.globalAlpha = chosen ? 1 : 0.7;
    for (const [colour, width] of [['rgba(0, 0, 0, 0.6)', 4], ['#fff', 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * unit;
      context.setLineDash(colour === '#fff' && !chosen ? [6 * unit, 4 * unit] : []);
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    context.setLineDash([]);
    if (index < boxes.length && boxes.length > 1) {
      context.fillStyle = 'rgba(0, 0, 0, 0.7)';
      context.fillRect(x1, y1, 20 * unit, 19 * unit);
      context.fillStyle = '#fff';
      context.fillText(index + 1, x1 + 6 * unit, y1 + 14 * unit);
    }
  });
  context.globalAlpha = 1;
}

/** Draw joints and bones, faint where the peak is low; keypoints count from the middle of the
 * first px. */
function drawSkeleton(context, person, { model, stage, shown }, unit, faint, chosen) {
  const points = person.stage_keypoints[stage].map(([x, y]) => [x + 0.5, y + 0.5]);
  const sure = points.map((_, k) => {
    const opacity = 0.4 + 0.6 * Math.min(1, Math.max(0, peak(person, stage, k)) / 0.3);
    return faint * (shown === null || !chosen ? opacity : opacity * (k === shown ? 1 : 0.35));
  });
  context.lineCap = 'round';
  for (const { ends: [start, end], color } of model.bones) {
    context.globalAlpha = Math.min(sure[start], sure[end]);
    for (const [colour, width] of [['rgba(0, 0, 0, 0.5)', 5.5], [color, 3.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * unit;
      context.beginPath();
      context.moveTo(...points[start]);
      context.lineTo(...points[end]);
      context.stroke();
    }
  }
  points.forEach(([x, y], k) => {
    const emphasised = chosen && k === shown;
    context.globalAlpha = emphasised ? 1 : sure[k];
    context.beginPath();
    context.arc(x, y, (emphasised ? 7 : 4.5) * unit, 0, 2 * Math.PI);
    context.fillStyle = model.joints[k].color;
    context.fill();
    context.strokeStyle = '#fff';
    context.lineWidth = (emphasised ? 2.5 : 1.5) * unit;
    context.stroke();
  });
  context.globalAlpha = 1;
}

/** Draw a joint's heatmap at a stage over the dimmed input; for null those of all joints, with
 * the skeleton. */
export function drawTile(canvas, state, stage, joint) {
  const person = state.answer.people[state.person];
  const side = canvas.clientWidth || 100;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(side * ratio);
  canvas.height = canvas.width;
  const context = canvas.getContext('2d');
  const [x1, y1, x2] = person.box;
  const pixel = canvas.width / (x2 - x1);
  context.setTransform(pixel, 0, 0, pixel, -x1 * pixel, -y1 * pixel);
  context.filter = 'grayscale(0.8)';
  drawInto(context, person.input, person.box);
  context.filter = 'none';
  context.fillStyle = DARK;
  context.fillRect(x1, y1, x2 - x1, x2 - x1);
  drawInto(context, heatImage(person, stage, joint), person.box);
  if (joint === null) {
    drawSkeleton(context, person, { ...state, stage, shown: null }, ratio / pixel / 2, 1, true);
  }
}
