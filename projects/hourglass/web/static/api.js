// Requests to the server, and its answers decoded.

export async function about() {
  return answerOf(await ask('about'));
}

/** People of an image: {image_size, whole_image, milliseconds, people}, see answers.py.
 * A person's heatmaps become {stages, joints, height, width, values}, its input an ImageBitmap.
 * boxes: [[x1, y1, x2, y2], ...] in image px; none: the whole image. */
export async function predict(file, model, boxes, signal) {
  const form = new FormData();
  form.append('image', file, 'image');
  form.append('model', model);
  if (boxes.length) form.append('boxes', JSON.stringify(boxes));
  const answer = await answerOf(await ask('predict', { method: 'POST', body: form, signal }));
  for (const person of answer.people) {
    const [stages, joints, height, width] = person.heatmaps.shape;
    const values = new Float32Array(bytes(person.heatmaps.data).buffer);
    person.heatmaps = { stages, joints, height, width, values };
    person.input = await createImageBitmap(new Blob([bytes(person.input)]));
  }
  return answer;
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

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
