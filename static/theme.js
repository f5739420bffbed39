// Shows the page in the visitor's theme before its first paint; the page's wasm comes later (src/page/preferences.rs).
try {
  const theme = localStorage.getItem("kindling.theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // The browser forbids to remember: then the system's theme is shown.
}
