// What the theme leaves out for those who see or move otherwise.
function mend() {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    wide.tabIndex = 0; // so that the keys scroll it
  }
}
mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true }); // tables are wrapped later
