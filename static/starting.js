// Says on the page why it does not start. The text is in index.html; the app removes it, so that it is seen only where the app never comes.
{
  const tell = (trouble) => {
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => tell(trouble), { once: true });
      return;
    }
    const starting = document.getElementById("starting");
    starting?.querySelector(`[data-trouble="${trouble}"]`)?.removeAttribute("hidden");
    starting?.setAttribute("data-stuck", "");
  };

  if (location.protocol === "file:") {
    tell("file");
  } else if (typeof WebAssembly !== "object") {
    tell("wasm");
  } else {
    // A script that is missing, or that the host answers with a page; load.js reports what happens after it.
    addEventListener("error", ({ target }) => target instanceof HTMLScriptElement && tell("program"), true);
    globalThis.kindlingStuck = () => tell("program");
  }
}
