"use strict";
// Vega's interpreter (ast) needs no eval; its own styles would need more than the policy of the page allows.
for (const spec of document.querySelectorAll("script.spec")) {
  window.vegaEmbed(spec.nextElementSibling, JSON.parse(spec.textContent), {
    ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true },
  });
}
