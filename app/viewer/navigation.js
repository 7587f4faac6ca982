// Keeps the steps of Back and Forward to the pages that somebody saw.
//
// When a link leaves a page, Streamlit first takes the filters out of the address of the page that
// is left, as a step of its own. Back would lead there, to the same page without its filters. So
// between a click on a link to another page and the arrival there, no step is recorded.
(() => {
  const record = history.pushState.bind(history);
  let left = null;

  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.("a[data-testid='stPageLink-NavLink']");
      const leaves = link && new URL(link.href).pathname !== location.pathname;
      left = leaves && !event.ctrlKey && !event.metaKey ? location.pathname : null;
    },
    true,
  );

  history.pushState = (state, unused, address) => {
    if (left !== null && new URL(address, location.href).pathname === left) return;
    left = null;
    record(state, unused, address);
  };
})();
