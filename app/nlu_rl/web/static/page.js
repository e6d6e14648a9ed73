// Names this tab, so that a reload comes back to its screen, and starts the terminal when its fonts are here.
"use strict";

const TAB = "nlu-rl-tab";

function tabName() {
  let name = sessionStorage.getItem(TAB);
  if (!/^[0-9a-f]{32}$/.test(name ?? "")) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    name = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem(TAB, name);
  }
  return name;
}

const start = window.onload;
window.onload = async (event) => {
  document.getElementById("again").onclick = () => window.location.reload();
  const address = new URL(`ws/${tabName()}`, window.location.href.split(/[?#]/)[0]);
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
