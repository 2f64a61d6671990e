// Requests to the server, and its answers decoded.

export async function about() {
  return answerOf(await ask('about'));
}

/** People of an image: {image_size, boxes, milliseconds, people}, see app.py.
 * A person's heatmaps become {stages, joints, height, width, values}, its input an ImageBitmap.
 * boxes: [[x1, y1, x2, y2], ...] in image px; null: those of the server's detector. */
export async function predict(file, model, boxes, signal) {
  const form = formWith(file);
  form.append('model', model);
  if (boxes) form.append('boxes', JSON.stringify(boxes));
  else form.append('find', '');
  const answer = await answerOf(await ask('predict', { method: 'POST', body: form, signal }));
  for (const person of answer.people) {
    const [stages, joints, height, width] = person.heatmaps.shape;
    const values = new Float32Array(bytes(person.heatmaps.data).buffer);
    person.heatmaps = { stages, joints, height, width, values };
    person.input = await createImageBitmap(new Blob([bytes(person.input)]));
  }
  return answer;
}

/** Frames of a video, or of an image that the browser cannot show: {frames: [{time, file}],
 * missing}. */
export async function fetchFrames(file, signal) {
  const { frames, missing } = await answerOf(
    await ask('frames', { method: 'POST', body: formWith(file), signal }));
  return {
    missing,
    frames: frames.map(({ time, image }) => ({ time, file: new Blob([bytes(image)]) })),
  };
}

export async function fetchExample(path) {
  const response = await ask(path);
  if (!response.ok) await answerOf(response);
  return response.blob();
}

async function ask(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('the server does not answer; is it still running?');
  }
}

async function answerOf(response) {
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Error(`the server answered ${response.status} and no JSON; see its terminal`);
  }
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function formWith(file) {
  const form = new FormData();
  form.append('image', file, 'image');
  return form;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
