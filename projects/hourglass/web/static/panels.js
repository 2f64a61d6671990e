// The parts around the canvas: people, joints, stacks.
import { drawTile } from './draw.js';
import { moved, peak, trust } from './heat.js';

const FROM_HEAD_TO_FOOT = ['head top', 'nose', 'eye', 'upper neck', 'thorax', 'shoulder', 'elbow',
  'wrist', 'pelvis', 'hip', 'knee', 'ankle'];

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** A button for each person, with another that removes the box; they stay if their number does, and
 * with them the keyboard's focus. */
export function showPeople(state, onChoose, onRemove) {
  const shown = [...byId('people').children];
  if (shown.length === state.boxes.length) {
    shown.forEach((chip, index) => {
      chip.firstChild.ariaPressed = String(index === state.person);
    });
    return;
  }
  const chips = state.boxes.map((_, index) => element('span', {},
    element('button', {
      type: 'button', textContent: `Person ${index + 1}`,
      ariaPressed: String(index === state.person), onclick: () => onChoose(index),
    }),
    element('button', {
      type: 'button', textContent: '×', ariaLabel: `Remove the box of person ${index + 1}`,
      onclick: () => onRemove(index),
    })));
  byId('people').replaceChildren(...chips);
}

/** Tiles of all joints, from head to foot, the person's right before the left. */
export function buildGrid(model, on) {
  const place = (name) => FROM_HEAD_TO_FOOT.findIndex((part) => name.endsWith(part));
  const order = model.joints.map((_, k) => k).sort((a, b) => {
    const [one, other] = [model.joints[a].name, model.joints[b].name];
    return place(one) - place(other) || other.localeCompare(one);
  });
  byId('grid').replaceChildren(...order.map((k) => {
    const { name } = model.joints[k];
    const button = element('button', { type: 'button', title: name, ariaPressed: 'false' },
      element('canvas', { width: 1, height: 1 }),
      element('meter', { min: 0, max: 1, value: 0, ariaHidden: 'true' }),
      element('span', { textContent: name }), element('output'));
    button.dataset.joint = k;
    button.addEventListener('pointerenter', () => on.hover(k));
    button.addEventListener('pointerleave', () => on.hover(null));
    button.addEventListener('focus', () => on.hover(k));
    button.addEventListener('blur', () => on.hover(null));
    button.addEventListener('click', () => on.click(k));
    return button;
  }));
}

/** Heatmaps and trust in the joints of the chosen person at the chosen stage. */
export function drawGrid(state) {
  const person = state.answer.people[state.person];
  for (const button of byId('grid').children) {
    const joint = Number(button.dataset.joint);
    const { value, text } = trust(person, state.model, state.stage, joint);
    drawTile(button.querySelector('canvas'), state, state.stage, joint);
    button.querySelector('meter').value = value;
    button.querySelector('output').textContent = text;
  }
}

export function markJoint(state) {
  for (const button of byId('grid').children) {
    button.ariaPressed = String(Number(button.dataset.joint) === state.pinned);
  }
  byId('all').hidden = state.pinned === null;
}

export function clearPanels() {
  byId('strip').replaceChildren();
  byId('stacks-title').textContent = 'From stack to stack';
  byId('story').textContent = 'Each stack\'s heatmap appears here.';
  for (const button of byId('grid').children) {
    button.querySelector('canvas').width = 1;
    button.querySelector('meter').value = 0;
    button.querySelector('output').textContent = '';
  }
}

/** The joint that is shown, or all of them, at every stack; a click chooses the stack. */
export function drawStrip(state, onStage) {
  const { model, shown } = state;
  const person = state.answer.people[state.person];
  const strip = byId('strip');
  if (strip.querySelectorAll('button').length !== model.stages) buildStrip(model);
  byId('stacks-title').textContent =
    `From stack to stack: ${shown === null ? 'all joints' : model.joints[shown].name}`;
  strip.querySelectorAll('button').forEach((button, stage) => {
    button.onclick = () => onStage(stage);
    button.ariaPressed = String(stage === state.stage);
    drawTile(button.querySelector('canvas'), state, stage, shown);
    const [sure, way] = button.querySelectorAll('small');
    const peaks = model.joints.map((_, k) => peak(person, stage, k));
    const mean = peaks.reduce((a, b) => a + b) / peaks.length;
    sure.textContent = shown === null
      ? `mean peak ${mean.toFixed(2)}` : `peak ${peaks[shown].toFixed(2)}`;
    way.textContent = stage === 0 ? 'first prediction'
      : `moved ${moved(person, stage - 1, stage, shown).toFixed(1)} px${
        shown === null ? ' (mean)' : ''}`;
  });
}

function buildStrip(model) {
  const parts = [];
  for (let stage = 0; stage < model.stages; stage += 1) {
    if (stage) parts.push(element('i', { textContent: '→', ariaHidden: 'true' }));
    const name = element('b', { textContent: `Stack ${stage + 1}` });
    if (stage === model.stage) name.append(element('em', { textContent: 'result' }));
    parts.push(element('button', { type: 'button' }, element('canvas'), name,
      element('small'), element('small')));
    parts.at(-1).dataset.stage = stage;
  }
  byId('strip').replaceChildren(...parts);
}

/** Name the joint that the later stacks moved most, with a button that shows it. */
export function describeChange(state, onShow) {
  const { model } = state;
  const story = byId('story');
  if (model.stages === 1) {
    story.textContent = 'This network has one stack.';
    return;
  }
  const person = state.answer.people[state.person];
  const ways = model.joints.map((_, k) => moved(person, 0, model.stages - 1, k));
  const most = ways.indexOf(Math.max(...ways));
  const { name } = model.joints[most];
  story.textContent = 'Click a stack to see its prediction in the image. '
    + `Moved most from the first to the last: ${name}, by ${ways[most].toFixed(0)} px.`;
  story.append(' ', element('button', {
    type: 'button', className: 'small', textContent: 'show it', onclick: () => onShow(most) }));
}
