// The open photograph: clicks, boxes and the cross for the keyboard; what was found and what is being chosen over it.

import { draw } from "./masks.js";

const STEP = 0.02; // of the picture's longer side, for an arrow key; a quarter of it with Shift

export class Stage {
  // canvas: to draw on; prompted: called when the prompt {box, inside, outside} has changed.
  constructor(canvas, prompted) {
    this.canvas = canvas;
    this.prompted = prompted;
    this.photo = null;
    this.image = null;
    this.marks = [];
    this.preview = null;
    this.nextIsOutside = () => false;
    this.reset();
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.draw());
    canvas.addEventListener("blur", () => this.draw());
  }

  async open(photo) {
    const image = new Image();
    image.src = `/api/photos/${photo.id}/picture`;
    try {
      await image.decode();
    } catch {
      throw new Error(`${photo.name} cannot be shown: it is no picture that can be read.`);
    }
    this.photo = { ...photo, width: photo.width || image.naturalWidth, height: photo.height || image.naturalHeight };
    this.image = image;
    this.canvas.width = image.naturalWidth;
    this.canvas.height = image.naturalHeight;
    // As large as fits: two thirds of the window's height at most.
    this.canvas.style.width = `min(100%, ${(66 * image.naturalWidth) / image.naturalHeight}vh)`;
    this.cross = [this.photo.width / 2, this.photo.height / 2];
    this.marks = [];
    this.reset();
  }

  reset() {
    this.clicks = []; // {at: [x, y], inside}
    this.box = null;
    this.dragged = null;
    this.preview = null;
    this.draw();
  }

  undo() {
    if (this.clicks.length) this.clicks.pop();
    else this.box = null;
    this.changed();
  }

  get empty() {
    return !this.clicks.length && !this.box;
  }

  get prompt() {
    const of = (inside) => this.clicks.filter((one) => one.inside === inside).map((one) => one.at);
    return { box: this.box, inside: of(true), outside: of(false) };
  }

  changed() {
    this.preview = null;
    this.draw();
    this.prompted();
  }

  click(at, inside) {
    // What is not the object says nothing before anything is.
    this.clicks.push({ at, inside: inside || this.empty });
    this.changed();
  }

  place(event) {
    const area = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - area.left) / area.width) * this.photo.width;
    const y = ((event.clientY - area.top) / area.height) * this.photo.height;
    return [Math.min(Math.max(x, 0), this.photo.width), Math.min(Math.max(y, 0), this.photo.height)];
  }

  press(event) {
    if (!this.photo) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.dragged = { from: this.place(event), to: this.place(event) };
  }

  move(event) {
    if (!this.dragged) return;
    this.dragged.to = this.place(event);
    this.draw();
  }

  release(event) {
    if (!this.dragged) return;
    const { from, to } = this.dragged;
    this.dragged = null;
    const far = Math.max(Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1]));
    if (far > 0.015 * Math.max(this.photo.width, this.photo.height)) this.boxed(from, to);
    else this.click(to, !(event.button === 2 || event.shiftKey || this.nextIsOutside()));
  }

  boxed(from, to) {
    if (from[0] === to[0] || from[1] === to[1]) return;
    this.box = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
    this.changed();
  }

  key(event) {
    if (!this.photo) return;
    const step = STEP * Math.max(this.photo.width, this.photo.height) * (event.shiftKey ? 0.25 : 1);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    if (move) {
      this.cross = [
        Math.min(Math.max(this.cross[0] + move[0], 0), this.photo.width),
        Math.min(Math.max(this.cross[1] + move[1], 0), this.photo.height),
      ];
      if (this.dragged) this.dragged.to = this.cross;
      this.draw();
    } else if (event.key === "Enter" || event.key === " ") this.click(this.cross, !this.nextIsOutside());
    else if (event.key === "n" || event.key === "N") this.click(this.cross, false);
    else if (event.key === "b" || event.key === "B") {
      if (this.dragged) {
        const { from, to } = this.dragged;
        this.dragged = null;
        this.boxed(from, to);
      } else this.dragged = { from: this.cross, to: this.cross };
      this.draw();
    } else if (event.key === "Escape") {
      this.reset();
      this.prompted();
    } else return;
    event.preventDefault();
  }

  draw() {
    if (!this.image) return;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.image, 0, 0);
    draw(context, this.preview ? [this.preview] : this.marks);
    const scale = this.canvas.width / this.photo.width;
    const size = Math.max(4, this.canvas.width / 160);
    context.lineWidth = Math.max(2, size / 3);
    for (const { at, inside } of this.clicks) this.dot(context, at[0] * scale, at[1] * scale, size, inside);
    const box = this.dragged ? [...this.dragged.from, ...this.dragged.to] : this.box;
    if (box) {
      context.strokeStyle = "#ffffff";
      context.strokeRect(box[0] * scale, box[1] * scale, (box[2] - box[0]) * scale, (box[3] - box[1]) * scale);
      context.setLineDash([8, 6]);
      context.strokeStyle = "#111111";
      context.strokeRect(box[0] * scale, box[1] * scale, (box[2] - box[0]) * scale, (box[3] - box[1]) * scale);
      context.setLineDash([]);
    }
    if (document.activeElement === this.canvas) {
      for (const [colour, width] of [["#ffffff", 4], ["#111111", 1.5]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.beginPath();
        const [x, y] = [this.cross[0] * scale, this.cross[1] * scale];
        context.moveTo(x - 3 * size, y);
        context.lineTo(x + 3 * size, y);
        context.moveTo(x, y - 3 * size);
        context.lineTo(x, y + 3 * size);
        context.stroke();
      }
    }
  }

  // A plus where the object is, a minus where it is not: not told apart by colour alone.
  dot(context, x, y, size, inside) {
    context.fillStyle = inside ? "#0b57a4" : "#8a3b00";
    context.strokeStyle = "#ffffff";
    context.beginPath();
    context.arc(x, y, 1.6 * size, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.beginPath();
    context.moveTo(x - size, y);
    context.lineTo(x + size, y);
    if (inside) {
      context.moveTo(x, y - size);
      context.lineTo(x, y + size);
    }
    context.stroke();
  }
}
