// Names this tab, so that a reload comes back to its interface, and starts the terminal when its fonts are here.
"use strict";

const TAB = "nlu-rl-tab";
const UNLOAD_MS = 2000; // how long the page before this one may take to let its name go

function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const name = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(TAB, name);
  return name;
}

// Hold a name for as long as this page is open. A duplicate of an open tab has its name as well, and must not.
function held(name) {
  // Without locks (a plain HTTP address, an old browser) the newest page of a name has the interface.
  if (!navigator.locks || !AbortSignal.timeout) return Promise.resolve(true);
  return new Promise((answer) => {
    const hold = () => {
      answer(true);
      return new Promise(() => {});
    };
    navigator.locks.request(`${TAB}-${name}`, { signal: AbortSignal.timeout(UNLOAD_MS) }, hold).catch(() => answer(false));
  });
}

async function tabName() {
  const name = sessionStorage.getItem(TAB);
  if (/^[0-9a-f]{32}$/.test(name ?? "") && (await held(name))) return name;
  const fresh = newName();
  await held(fresh);
  return fresh;
}

const start = window.onload;
window.onload = async (event) => {
  document.getElementById("again").onclick = () => window.location.reload();
  const address = new URL(`ws/${await tabName()}`, window.location.href.split(/[?#]/)[0]);
  address.protocol = window.location.protocol === "https:" ? "wss:" : "ws:";
  document.getElementById("terminal").dataset.sessionWebsocketUrl = address.href;
  const wanted = ["a", "\u28ff\u25b2\u2500"].flatMap((text) =>
    ["", "bold "].map((weight) => document.fonts.load(`${weight}16px "Roboto Mono"`, text)),
  );
  await Promise.allSettled(wanted);
  start(event);
  const keys = () => document.querySelector(".xterm-helper-textarea");
  keys()?.focus();
  window.addEventListener("focus", () => keys()?.focus());
  // What had the focus before the interface was there told nobody: give it anew when its first frame comes.
  new MutationObserver((_, observer) => {
    if (document.body.classList.contains("-first-byte")) {
      observer.disconnect();
      keys()?.blur();
      keys()?.focus();
    }
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
};
