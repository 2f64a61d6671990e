// The page: its state, and the reactions to choices.
import { about, fetchExample, fetchFrames, predict } from './api.js';
import { listen, remove } from './boxes.js';
import { drawScene, fit } from './draw.js';
import {
  buildGrid, clearPanels, drawGrid, drawStrip, markJoint, showPeople, describeChange,
} from './panels.js';

const byId = (id) => document.getElementById(id);
const canvas = byId('image');
const state = {
  about: null, model: null,
  frames: [], frame: 0,                   // {time, file, boxes} of a video; one of an image
  finding: false,                         // the server finds people in frames without boxes
  bitmap: null, boxes: [], draft: null,   // the frame upright; boxes in its px
  answer: null, person: 0,                // of /predict; the person whose heatmaps are shown
  stage: 0, view: 'image',
  pinned: null, hovered: null,            // joints; null: all
  get shown() { return this.hovered ?? this.pinned; },
};
let view = null;                          // of fit() in draw.js
let asking = null;                        // AbortController of the current request
let later = 0;                            // timer of the next one
let playing = 0;                          // number of the current playback; 0: stopped

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
  byId('find').disabled = !state.bitmap || !state.about.finds_people;
  byId('whole').hidden = !state.bitmap || state.boxes.length > 0;
  byId('film').hidden = state.frames.length < 2;
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

// ---- images, videos and predictions

async function open(file, name, boxes = []) {
  if (!state.about) {
    complain('The page is not ready: does the server run?');
    return;
  }
  stop();
  complain('');
  if (file.size > state.about.max_bytes) {
    complain(`${name}: more than ${state.about.max_bytes / 1e6} MB; make the file smaller`);
    return;
  }
  const mine = next();
  let opened;
  try {
    try {
      (await createImageBitmap(file)).close();
      opened = { frames: [{ time: 0, file }] };
    } catch {                             // a video, or an image that this browser cannot show
      busy('reading the file');
      opened = await fetchFrames(file, mine.signal);
    }
  } catch (error) {
    if (mine !== asking) return;
    busy('');
    // the image stays: its request has been aborted
    if (!state.answer) ask(state.finding && !state.boxes.length);
    complain(`${name}: ${error.message}`);
    return;
  }
  if (mine !== asking) return;
  opened.frames[0].boxes = boxes;
  Object.assign(state, {
    frames: opened.frames, boxes: [], answer: null, finding: false, hovered: null, person: 0,
  });
  byId('place').max = opened.frames.length - 1;
  byId('drop').classList.remove('empty');
  chooseView('image');
  await showFrame(0);
  if (opened.missing) complain(opened.missing);
}

/** Show a frame at once; its people follow, where the last frame had them if nobody finds them. */
async function showFrame(index, wait = 0) {
  const mine = next();
  const frame = state.frames[index];
  const bitmap = await createImageBitmap(frame.file);       // upright, by its EXIF data
  if (mine !== asking) {
    bitmap.close();
    return;
  }
  state.bitmap?.close();
  const find = state.finding && !frame.boxes?.length;
  if (!frame.boxes?.length) frame.boxes = find ? [] : state.boxes.map((box) => [...box]);
  Object.assign(state, { frame: index, bitmap, boxes: frame.boxes, answer: null });
  state.person = Math.max(0, Math.min(state.person, state.boxes.length - 1));
  byId('place').value = index;
  byId('time').textContent = `${frame.time.toFixed(2)} s`;
  if (!playing) drawAll();
  await askIn(wait, find);
}

async function play() {
  stop();
  const mine = Date.now();
  playing = mine;
  byId('play').ariaPressed = 'true';
  const start = state.frame === state.frames.length - 1 ? 0 : state.frame;
  for (let index = start; playing === mine && index < state.frames.length; index += 1) {
    const gap = state.frames[index].time - (state.frames[index - 1]?.time ?? 0);
    await Promise.all([showFrame(index), new Promise((done) => { setTimeout(done, 1000 * gap); })]);
  }
  if (playing === mine) stop();
}

function stop() {
  playing = 0;
  byId('play').ariaPressed = 'false';
}

/** Begin a request: the one before it no longer counts. */
function next() {
  clearTimeout(later);
  asking?.abort();
  asking = new AbortController();
  return asking;
}

function busy(text) {
  byId('busy').hidden = !text;
  byId('busy').lastChild.textContent = text;
}

async function askIn(milliseconds, find) {
  if (!milliseconds) return ask(find);
  later = setTimeout(ask, milliseconds, find);
  return null;
}

/** Ask for the people in the boxes, or in those that the server finds. */
async function ask(find = false) {
  const mine = next();
  if (!state.bitmap) return;
  state.answer = null;
  complain('');
  if (!find && !state.boxes.length) {
    busy('');
    clearPanels();
    drawAll();
    say(`Where are the people? Drag a box around each${
      state.about.finds_people ? ', or let them be found' : ''}.`);
    return;
  }
  if (!playing) {                         // then the last skeletons stay until the next are there
    const what = find ? 'people' : 'joints';
    busy(`looking for ${what}`);
    say(`Looking for ${what}`);
    drawAll();
  }
  try {
    const frame = state.frames[state.frame];
    const answer = await predict(
      frame.file, state.model.name, find ? null : state.boxes, mine.signal);
    if (mine !== asking) return;
    const [width, height] = answer.image_size;
    if (width !== state.bitmap.width || height !== state.bitmap.height) {
      throw new Error(`the browser shows ${state.bitmap.width}x${state.bitmap.height} px and the `
        + `network saw ${width}x${height}; save the image again`);
    }
    frame.boxes = answer.boxes;
    Object.assign(state, { answer, boxes: answer.boxes });
    if (!person()) clearPanels();
    say(summary(answer));
  } catch (error) {
    if (mine !== asking) return;
    complain(error.message);
    say('No joints');
    clearPanels();
  }
  busy('');
  drawAll();
}

function summary({ people, milliseconds, image_size: [width, height] }) {
  const count = people.length || 'No';
  return `${count} ${people.length === 1 ? 'person' : 'people'}. ${
    state.model.name}, ${width}x${height} px, ${milliseconds.toFixed(0)} ms.`;
}

// ---- start

listen(canvas, state, ({ offsetX, offsetY }) => [
  view.left + offsetX / view.scale, view.top + offsetY / view.scale], () => view.scale, {
  draft: drawImage,
  click: clickAt,
  change(slowly) {
    stop();
    next();
    state.answer = null;
    const isFull = state.boxes.length > state.about.max_people;
    if (isFull) remove(state, state.boxes.length - 1);
    drawAll();
    askIn(slowly ? 350 : 0);              // clears the last complaint
    if (isFull) complain(`At most ${state.about.max_people} boxes at a time; remove one first`);
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
  if (file) open(file, file.name);
});
byId('file').addEventListener('change', ({ target }) => {
  const [file] = target.files;
  target.value = '';                      // the same file may be chosen again
  if (file) open(file, file.name);
});
byId('find').addEventListener('click', () => {
  state.finding = true;
  for (const frame of state.frames) delete frame.boxes;
  ask(true);
});
byId('whole').addEventListener('click', () => {
  state.boxes.push([0, 0, state.bitmap.width, state.bitmap.height]);
  ask();
});
byId('play').addEventListener('click', () => (playing ? stop() : play()));
byId('place').addEventListener('input', ({ target }) => {
  stop();
  showFrame(Number(target.value), 150);
});
byId('all').addEventListener('click', () => pin(null));
byId('model').addEventListener('change', ({ target }) => chooseModel(target.value));
for (const button of byId('views').children) {
  button.addEventListener('click', () => chooseView(button.dataset.view));
}
window.addEventListener('resize', drawAll);

try {
  state.about = await about();
  byId('file').accept = [...state.about.formats.map((format) => `image/${format.toLowerCase()}`),
    'video/*', '.heic', '.mkv'].join();
  byId('no-detector').hidden = state.about.finds_people;
  byId('model').replaceChildren(...state.about.models.map(
    ({ name, shows }) => new Option(`${name}: ${shows}`, name)));
  byId('examples').replaceChildren(...state.about.examples.map(({ path, box }, index) => {
    const button = document.createElement('button');
    const image = Object.assign(new Image(), { src: path, alt: `example ${index + 1}` });
    button.type = 'button';
    button.append(image);
    button.addEventListener('click', async () => {
      try {
        await open(await fetchExample(path), `example ${index + 1}`, [[...box]]);
      } catch (error) {
        complain(error.message);
      }
    });
    return button;
  }));
  chooseModel(state.about.models[0].name);
  say('Ready: open a file, or choose an example.');
} catch (error) {
  complain(error.message);
  say('');
}
