// What the theme leaves out for those who see or move otherwise.
function mend() {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    wide.tabIndex = 0; // so that the keys scroll it
  }
}

// The search takes a word behind a minus for one that shall not be found; here `--watch` is the name of an option.
const typed = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
Object.defineProperty(document.querySelector(".md-search__input"), "value", {
  get() {
    return typed.get.call(this).replace(/(^|\s)-+/g, "$1");
  },
  set(text) {
    typed.set.call(this, text);
  },
});

mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true }); // tables are wrapped later
