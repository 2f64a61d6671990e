// Boxes around people, drawn on the canvas by mouse, finger or keyboard.

const SMALLEST = 8;                       // px on the screen; anything smaller is a click
const STEP = 0.02;                        // of a key press, as a part of the image's longer side

/** Listen on the canvas.
 *
 * state: boxes, [x1, y1, x2, y2] in image px, the chosen person, bitmap; draft is set here.
 * place(event): the event's [x, y] in image px.  scale(): CSS px per image px.
 * on: {change(slowly), draft(), click([x, y])}: boxes changed; a box is being drawn; no box. */
export function listen(canvas, state, place, scale, on) {
  let start = null;
  const inside = ([x, y]) => [
    Math.min(Math.max(x, 0), state.bitmap.width), Math.min(Math.max(y, 0), state.bitmap.height)];
  const between = ([x, y], [u, v]) => [
    Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];

  canvas.addEventListener('pointerdown', (event) => {
    if (!state.bitmap || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    start = inside(place(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!start) return;
    state.draft = between(start, inside(place(event)));
    on.draft();
  });
  canvas.addEventListener('pointerup', (event) => {
    if (!start) return;
    const box = between(start, inside(place(event)));
    const sides = [box[2] - box[0], box[3] - box[1]];
    start = null;
    state.draft = null;
    if (Math.min(...sides) * scale() >= SMALLEST) {
      add(state, box);
      on.change(false);
    } else {
      on.draft();
      on.click(place(event));
    }
  });
  canvas.addEventListener('pointercancel', () => {
    start = null;
    state.draft = null;
    on.draft();
  });
  canvas.addEventListener('keydown', (event) => {
    if (state.bitmap && !event.ctrlKey && !event.metaKey && !event.altKey && key(event)) {
      event.preventDefault();
      on.change(event.key.startsWith('Arrow'));
    }
  });

  function key(event) {
    const { width, height } = state.bitmap;
    const box = state.boxes[state.person];
    if (event.key === 'n' || event.key === 'N') {
      add(state, [width / 4, height / 8, width * 3 / 4, height * 7 / 8]);
      return true;
    }
    if (!box) return false;
    if (event.key === 'Delete' || event.key === 'Backspace') {
      remove(state, state.person);
      return true;
    }
    const direction = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!direction) return false;
    const step = STEP * Math.max(width, height);
    direction.forEach((sign, axis) => {
      const limit = [width, height][axis];
      if (event.shiftKey) {               // only the far corner moves
        box[axis + 2] = Math.min(limit, Math.max(box[axis] + step, box[axis + 2] + sign * step));
      } else {
        const way = Math.min(limit - box[axis + 2], Math.max(-box[axis], sign * step));
        box[axis] += way;
        box[axis + 2] += way;
      }
    });
    return true;
  }
}

function add(state, box) {
  state.boxes.push(box);
  state.person = state.boxes.length - 1;
}

export function remove(state, index) {
  state.boxes.splice(index, 1);
  state.person = Math.max(0, Math.min(state.person, state.boxes.length - 1));
}
