// Masks: COCO's compressed run lengths, drawn onto canvases.

// "counts" holds run lengths, column by column, first of pixels outside. Five bits a character, lowest first, the
// sixth says that more follow; from the third run on the difference to the run before the last is written.
export function runLengths(counts) {
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const bits = counts.charCodeAt(at) - 48;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      at += 1;
      shift += 5;
      if (!more && bits & 16) value |= -1 << shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

// One mask on a grid of width x height, the nearest pixel taken: {inside, left, top, right, bottom}, ends exclusive.
export function scaled(rle, width, height) {
  const [fullHeight, fullWidth] = rle.size;
  const inside = new Uint8Array(width * height);
  const box = { left: width, top: height, right: 0, bottom: 0 };
  const columns = new Map(); // of the picture -> those of the grid that show it
  for (let x = 0; x < width; x++) {
    const column = Math.floor(((x + 0.5) * fullWidth) / width);
    columns.set(column, [...(columns.get(column) ?? []), x]);
  }
  const fill = (column, from, to) => {
    const top = Math.max(0, Math.ceil((from * height) / fullHeight - 0.5));
    const bottom = Math.min(height, Math.ceil((to * height) / fullHeight - 0.5));
    if (top >= bottom) return;
    for (const x of columns.get(column) ?? []) {
      for (let y = top; y < bottom; y++) inside[y * width + x] = 1;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, top);
      box.bottom = Math.max(box.bottom, bottom);
    }
  };
  let start = 0;
  runLengths(rle.counts).forEach((length, index) => {
    if (index % 2) {
      for (let at = start; at < start + length; ) {
        const column = Math.floor(at / fullHeight);
        const end = Math.min(start + length, (column + 1) * fullHeight);
        fill(column, at - column * fullHeight, end - column * fullHeight);
        at = end;
      }
    }
    start += length;
  });
  return { inside, ...box };
}

// Draw masks onto a canvas of their picture's aspect, each as a fill and an outline; the first one comes on top.
// marks: [{rle, colour: [r, g, b], strong}]
export function draw(context, marks) {
  const { width, height } = context.canvas;
  const image = context.getImageData(0, 0, width, height);
  const data = image.data;
  for (const { rle, colour, strong } of [...marks].reverse()) {
    const { inside, left, top, right, bottom } = scaled(rle, width, height);
    const thick = Math.max(1, Math.round(width / 400)) + (strong ? 1 : 0);
    const share = strong ? 0.55 : 0.35;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        if (!inside[y * width + x]) continue;
        const edge =
          x < thick || y < thick || x >= width - thick || y >= height - thick ||
          !inside[y * width + x - thick] || !inside[y * width + x + thick] ||
          !inside[(y - thick) * width + x] || !inside[(y + thick) * width + x];
        blend(data, 4 * (y * width + x), colour, edge ? 1 : share);
      }
    }
  }
  context.putImageData(image, 0, 0);
}

// A colour over what is there, which may be transparent.
function blend(data, at, colour, share) {
  const below = (data[at + 3] / 255) * (1 - share);
  const both = share + below;
  for (let channel = 0; channel < 3; channel++) {
    data[at + channel] = (colour[channel] * share + data[at + channel] * below) / both;
  }
  data[at + 3] = 255 * both;
}
