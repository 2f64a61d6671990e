// The page: its state, and the reactions to choices.
import { about, fetchExample, predict } from './api.js';
import { listen, remove } from './boxes.js';
import { drawScene, fit } from './draw.js';
import {
  buildGrid, clearPanels, drawGrid, drawStrip, markJoint, showPeople, describeChange,
} from './panels.js';

const byId = (id) => document.getElementById(id);
const canvas = byId('image');
const state = {
  about: null, model: null, file: null,
  bitmap: null, boxes: [], draft: null,   // the image upright; boxes in its px
  answer: null, person: 0,                // of /predict; the person whose heatmaps are shown
  stage: 0, view: 'image',
  pinned: null, hovered: null,            // joints; null: all
  get shown() { return this.hovered ?? this.pinned; },
};
let view = null;                          // of fit() in draw.js
let asking = null;                        // AbortController of the current prediction

const person = () => state.answer?.people[state.person];

function say(text) { byId('status').textContent = text; }

function complain(text) {
  byId('error').textContent = text;
  byId('error').hidden = !text;
}

// ---- drawing

function drawImage() {
  if (!state.bitmap) return;
  const whole = [0, 0, state.bitmap.width, state.bitmap.height];
  const room = byId('drop').clientWidth;
  const crop = state.view === 'crop' && person();
  view = fit(crop ? person().box : whole, room, Math.max(300, window.innerHeight * 0.56));
  drawScene(canvas, state, view);
}

/** Draw everything that depends on the joint that is shown. */
function drawJoint() {
  drawImage();
  markJoint(state);
  if (person()) drawStrip(state, chooseStage);
}

function drawAll() {
  showPeople(state, choosePerson, (index) => { remove(state, index); ask(); });
  drawJoint();
  if (!person()) return;
  drawGrid(state);
  describeChange(state, pin);
}

// ---- choices

function chooseStage(stage) {
  state.stage = stage;
  drawAll();
}

function choosePerson(index) {
  state.person = index;
  drawAll();
}

function pin(joint) {
  state.pinned = joint;
  drawJoint();
}

function chooseView(name) {
  state.view = name;
  for (const button of byId('views').children) {
    button.ariaPressed = String(button.dataset.view === name);
  }
  drawImage();
}

function chooseModel(name) {
  state.model = state.about.models.find((model) => model.name === name);
  Object.assign(state, { stage: state.model.stage, pinned: null, hovered: null, answer: null });
  clearPanels();
  buildGrid(state.model, {
    hover(joint) {
      state.hovered = joint;
      drawJoint();
    },
    click(joint) {
      state.hovered = null;
      pin(state.pinned === joint ? null : joint);
    },
  });
  ask();
}

/** Choose the joint near a click in the image, else the person with a box around it. */
function clickAt([x, y]) {
  const points = person()?.stage_keypoints[state.stage] ?? [];
  const ways = points.map(([u, v]) => Math.hypot(u + 0.5 - x, v + 0.5 - y) * view.scale);
  const nearest = ways.indexOf(Math.min(...ways));
  if (ways[nearest] < 14) {
    pin(nearest === state.pinned ? null : nearest);
    return;
  }
  const inside = state.boxes.findIndex(
    ([x1, y1, x2, y2]) => x1 <= x && x <= x2 && y1 <= y && y <= y2);
  if (inside >= 0) choosePerson(inside);
}

// ---- images and predictions

async function show(file, name, boxes = []) {
  complain('');
  if (file.size > state.about.max_bytes) {
    complain(`${name}: more than ${state.about.max_bytes >> 20} MiB; make the image smaller`);
    return;
  }
  try {
    state.bitmap = await createImageBitmap(file);       // upright, by its EXIF data
  } catch {
    complain(`${name}: not an image that this browser can show; give one of ${
      state.about.formats.join(', ')}`);
    return;
  }
  Object.assign(state, { file, boxes, person: 0, answer: null, hovered: null });
  byId('drop').classList.remove('empty');
  chooseView('image');
  await ask();
}

async function ask() {
  asking?.abort();
  if (!state.bitmap) return;
  const mine = new AbortController();
  asking = mine;
  state.answer = null;
  byId('busy').hidden = false;
  complain('');
  say(state.boxes.length ? 'Looking for joints in the boxes'
    : 'Looking for one person in the whole image');
  drawAll();
  try {
    const answer = await predict(state.file, state.model.name, state.boxes, mine.signal);
    if (mine !== asking) return;
    const [width, height] = answer.image_size;
    if (width !== state.bitmap.width || height !== state.bitmap.height) {
      throw new Error(`the browser shows ${state.bitmap.width}x${state.bitmap.height} px and the `
        + `network saw ${width}x${height}; save the image again`);
    }
    state.answer = answer;
    say(summary(answer));
  } catch (error) {
    if (mine !== asking) return;
    complain(error.message);
    say('No joints');
    clearPanels();
  }
  byId('busy').hidden = true;
  drawAll();
}

function summary({ people, whole_image: whole, milliseconds, image_size: [width, height] }) {
  const where = whole
    ? 'No box, so the network looked for one person in the whole image: drag a box around a person'
    : `${people.length} ${people.length === 1 ? 'person' : 'people'}`;
  return `${where}. ${state.model.name}, ${width}x${height} px, ${milliseconds.toFixed(0)} ms.`;
}

// ---- start

let later = 0;
listen(canvas, state, ({ offsetX, offsetY }) => [
  view.left + offsetX / view.scale, view.top + offsetY / view.scale], () => view.scale, {
  draft: drawImage,
  click: clickAt,
  change(slowly) {
    clearTimeout(later);
    asking?.abort();
    state.answer = null;
    if (state.boxes.length > state.about.max_people) {
      remove(state, state.boxes.length - 1);
      complain(`At most ${state.about.max_people} boxes at a time; remove one first`);
    }
    drawAll();
    later = setTimeout(ask, slowly ? 350 : 0);
  },
});

const drop = byId('drop');
drop.classList.add('empty');
for (const type of ['dragenter', 'dragover']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
document.addEventListener('dragleave', () => drop.classList.remove('over'));
document.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  const [file] = event.dataTransfer.files;
  if (file) show(file, file.name);
});
byId('file').addEventListener('change', ({ target }) => {
  const [file] = target.files;
  target.value = '';                      // the same file may be chosen again
  if (file) show(file, file.name);
});
byId('all').addEventListener('click', () => pin(null));
byId('model').addEventListener('change', ({ target }) => chooseModel(target.value));
for (const button of byId('views').children) {
  button.addEventListener('click', () => chooseView(button.dataset.view));
}
window.addEventListener('resize', drawAll);

try {
  state.about = await about();
  byId('file').accept = state.about.formats.map((format) => `image/${format.toLowerCase()}`).join();
  byId('model').replaceChildren(...state.about.models.map(
    ({ name, shows }) => new Option(`${name}: ${shows}`, name)));
  byId('examples').replaceChildren(...state.about.examples.map(({ path, box }, index) => {
    const button = document.createElement('button');
    const image = Object.assign(new Image(), { src: path, alt: `example ${index + 1}` });
    button.type = 'button';
    button.append(image);
    button.addEventListener('click', async () => {
      try {
        await show(await fetchExample(path), `example ${index + 1}`, [[...box]]);
      } catch (error) {
        complain(error.message);
      }
    });
    return button;
  }));
  chooseModel(state.about.models[0].name);
  say('Ready: open an image, or choose an example.');
} catch (error) {
  complain(error.message);
  say('');
}
