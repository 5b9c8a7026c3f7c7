// The list of photographs: small pictures with what was found drawn over them. Only those in view are asked for.

import { draw } from "./masks.js";

export class Album {
  // list: the <ul>; opened: called with a photograph; watched: called when other photographs come into view.
  constructor(list, opened, watched) {
    this.list = list;
    this.opened = opened;
    this.watched = watched;
    this.photos = [];
    this.items = new Map();
    this.inView = new Set();
    this.eye = new IntersectionObserver((entries) => this.see(entries), { root: list, rootMargin: "100px" });
  }

  show(photos) {
    for (const photo of photos) if (!this.items.has(photo.id)) this.append(photo);
    this.photos = photos;
  }

  append(photo) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const picture = document.createElement("span");
    picture.className = "picture";
    const image = document.createElement("img");
    image.loading = "lazy";
    image.alt = "";
    image.src = `/api/photos/${photo.id}/small`;
    const masks = document.createElement("canvas");
    const ratio = photo.width && photo.height ? photo.width / photo.height : 1;
    masks.width = Math.round(ratio > 1 ? 200 : 200 * ratio);
    masks.height = Math.round(ratio > 1 ? 200 / ratio : 200);
    picture.append(image, masks);
    const caption = document.createElement("span");
    caption.className = "caption";
    caption.textContent = photo.name;
    button.append(picture, caption);
    button.title = photo.name;
    button.addEventListener("click", () => this.opened(photo));
    item.append(button);
    item.dataset.photo = photo.id;
    this.list.append(item);
    this.items.set(photo.id, { button, caption, masks, name: photo.name });
    this.eye.observe(item);
  }

  see(entries) {
    for (const entry of entries) {
      const { photo } = entry.target.dataset;
      if (entry.isIntersecting) this.inView.add(photo);
      else this.inView.delete(photo);
    }
    this.watched();
  }

  mark(photo) {
    for (const [id, { button }] of this.items) {
      if (id === photo.id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  // result: {hits} with colours, {waiting} or {unreadable}.
  result(id, result, marks) {
    const item = this.items.get(id);
    if (!item) return;
    const context = item.masks.getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, item.masks.width, item.masks.height);
    draw(context, marks);
    const said = result.unreadable ? "cannot be read: " : result.waiting ? "waiting: " : result.hits ? `${marks.length} found: ` : "";
    item.caption.textContent = said + item.name;
  }
}
