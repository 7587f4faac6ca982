// Keeps the steps of Back and Forward to what somebody saw: one for each page, and one for each
// filter that was set there.
//
// Streamlit does otherwise in two places. When a link leaves a page, it first takes the filters out
// of the address of the page that is left, as a step of its own: Back would lead there, to the same
// page without its filters. And when a filter is set, it replaces the address: Back would leave the
// page and forget all filters at once.
(() => {
  const record = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  // Changes that follow each other faster, as those of a slider that is dragged, are one step.
  const ONE_STEP = 1000; // milliseconds
  let left = null;
  let acted = false; // somebody has done something since the address changed last
  let changed = -Infinity;

  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.("a[data-testid='stPageLink-NavLink']");
      const leaves = link && new URL(link.href).pathname !== location.pathname;
      left = leaves && !event.ctrlKey && !event.metaKey ? location.pathname : null;
    },
    true,
  );
  for (const act of ["pointerdown", "keydown"]) {
    document.addEventListener(act, () => (acted = true), true);
  }
  // What the page writes into its address after a step back is not a new step.
  window.addEventListener("popstate", () => (acted = false), true);

  history.pushState = (state, unused, address) => {
    if (left !== null && new URL(address, location.href).pathname === left) return;
    left = null;
    acted = false;
    record(state, unused, address);
  };

  history.replaceState = (state, unused, address) => {
    const there = new URL(address ?? location.href, location.href);
    const filters = there.pathname === location.pathname && there.search !== location.search;
    const step = filters && acted && performance.now() - changed > ONE_STEP;
    if (filters) {
      acted = false;
      changed = performance.now();
    }
    (step ? record : replace)(state, unused, address);
  };
})();
