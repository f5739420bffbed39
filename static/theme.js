// Sets the visitor's theme before the first paint; the page's wasm loads later (src/page/preferences.rs).
try {
  const theme = localStorage.getItem("kindling.theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // Storage is blocked, so the system's theme applies.
}
