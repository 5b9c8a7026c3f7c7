// Questions to the server. Each window has a name of its own, so that two windows do not mix.

export const windowName = sessionName();

function sessionName() {
  let name = sessionStorage.getItem("ntt-window");
  // A duplicated tab copies the session: the name is only kept over a reload of this very page.
  const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
  if (!name || !reloaded) {
    name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("ntt-window", name);
  }
  return name;
}

async function ask(address, options = {}) {
  const headers = { "X-Ntt-Window": windowName, ...options.headers };
  let answer;
  try {
    answer = await fetch(address, { ...options, headers });
  } catch {
    throw new Error("The server does not answer: is `ntt app` still running?");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let sentence = text;
  try {
    sentence = JSON.parse(text).error ?? text;
  } catch {
    // Plain text of the guards.
  }
  throw new Error(sentence);
}

export const get = async (address) => (await ask(address)).json();

export const post = async (address, body) =>
  (await ask(address, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })).json();

export const remove = async (address) => (await ask(address, { method: "DELETE" })).json();

export const put = async (address, file) => (await ask(address, { method: "PUT", body: file })).json();

export async function download(address, name, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await (await ask(address, options)).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
