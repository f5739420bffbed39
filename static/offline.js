// The page's end of its service worker: has the page kept for visits without a connection, and tells of new versions.
{
  // After the engine is ready, the page fetches the rest of itself. What it has fetched, the service worker finds in the browser's cache.
  const QUIET_MS = 2_000;
  // How often a page that stays open asks for a new version, when the visitor comes back to it.
  const CHECK_MS = 60 * 60 * 1_000;

  // Absent outside https and localhost.
  const workers = navigator.serviceWorker;
  const engines = new Set();
  let registered;
  let newVersion;
  const updated = new Promise((resolve) => {
    newVersion = resolve;
  });

  // Rejected where the browser allows no service worker, as in some private windows.
  const register = () => {
    registered ??= workers.register("service-worker.js", { updateViaCache: "none" }).then((registration) => {
      watch(registration);
      return registration;
    });
    return registered;
  };

  const watch = (registration) => {
    // The first worker waits for none.
    const tell = () => registration.waiting && registration.active && newVersion();
    tell();
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", tell));
    let checkedAt = Date.now();
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && Date.now() - checkedAt > CHECK_MS) {
        checkedAt = Date.now();
        registration.update().catch(() => {});
      }
    });
  };

  globalThis.kindlingOffline = {
    register,

    // Resolves when the build of a later version is complete, and waits.
    updated: () => updated,

    // Keeps the page and this engine, given by the address of its worker.
    async keep(address) {
      engines.add(new URL(address, location).searchParams.get("js").replace(/\.js$/, ""));
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      await register();
      const { active } = await workers.ready;
      active.postMessage({ keep: [...engines] });
    },

    // Loads the page again, in the new version. Resolves to false if other windows with the page prevent that.
    async take() {
      const { waiting } = await register();
      if (!waiting) {
        location.reload();
        return true;
      }
      waiting.addEventListener("statechange", () => waiting.state === "activated" && location.reload());
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise((resolve) => {
        port1.onmessage = ({ data }) => resolve(data);
      });
      waiting.postMessage({ take: true }, [port2]);
      return answer;
    },
  };
}
