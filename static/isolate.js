// Isolates the page from other origins, without which no browser lets threads share memory. A host does that with two headers. Where it
// sends none, the service worker adds them to what the host sends, from the next load of the page on, so the page is loaded once more.
//
// load.js waits for `kindlingIsolation` before it starts the page. Until then no run, no dataset and no input can be lost; later the page is
// never loaded again from here.
{
  // A service worker that is not there after this long serves the next visit.
  const LIMIT_MS = 3_000;
  // Marks a tab that was loaded again, so that it happens once.
  const MARK = "kindling.isolated";

  const isolate = async () => {
    // False where it could be true: in browsers that know of isolation. A frame is isolated only together with the page around it.
    const isUseful = globalThis.crossOriginIsolated === false && window === window.top && navigator.hardwareConcurrency > 1;
    // Absent outside https and localhost.
    const workers = navigator.serviceWorker;
    if (!isUseful || !workers || workers.controller || sessionStorage.getItem(MARK)) {
      return;
    }
    const late = new Promise((resolve) => setTimeout(resolve, LIMIT_MS, false));
    // A service worker that was there already takes no page that went past it, as a forced reload does; the next load does not.
    const active = kindlingOffline.register().then(() => workers.ready);
    if (await Promise.race([active, late])) {
      sessionStorage.setItem(MARK, "once");
      // A browser that kept this page may show it again later, as it was.
      addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
      location.reload();
      // The page ends here.
      await new Promise(() => {});
    }
  };

  // Without storage or a service worker the page trains on one core.
  globalThis.kindlingIsolation = isolate().catch(() => {});
}
