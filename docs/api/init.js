// Starts Swagger UI on this gateway's own contract. A file of its own: the page's policy allows no inline script.

// Swagger UI has a dark scheme, and leaves it to the page when.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
applyScheme();
dark.addEventListener("change", applyScheme);

// An operation's path is a link inside the button that opens it: to the keyboard and to screen readers only one of them can be there.
const PathsAreNoLinks = () => ({
  wrapComponents: {
    DeepLink: (Link, { React }) => (props) =>
      props.path.includes("/") ? React.createElement("span", null, props.text) : React.createElement(Link, props),
  },
});

// What Swagger UI leaves without a name, or at a wrong level. Each entry is a selector, and what is set where it is not yet.
const nameOfParameter = (input) => input.closest("tr").dataset.paramName;
const AMENDMENTS = [
  [".information-container > section", { "aria-label": "About this API" }],
  ["h3.opblock-tag", { "aria-level": "2" }],
  [".opblock h4, .models h4", { "aria-level": "3" }],
  [".opblock h5", { "aria-level": "4" }],
  [".examples-select-element", { "aria-label": "Example" }],
  ["textarea.body-param__text", { "aria-label": "Request body" }],
  ["tr[data-param-name] :is(input, select, textarea)", { "aria-label": nameOfParameter }],
  [".live-responses-table pre.microlight", { tabindex: "0" }],
  // A table that is a region is no table to a screen reader.
  ["table[role=region]", { role: "table", "aria-label": "Responses" }],
];
const amend = (root) => {
  for (const [selector, attributes] of AMENDMENTS) {
    for (const element of root.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(attributes)) {
        const wanted = typeof value === "function" ? value(element) : value;
        if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted);
      }
    }
  }
};

window.addEventListener("load", () => {
  const root = document.getElementById("swagger-ui");
  new MutationObserver(() => amend(root)).observe(root, { childList: true, subtree: true });
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [PathsAreNoLinks],
    layout: "BaseLayout",
    deepLinking: true,
    validatorUrl: null, // nothing outside this gateway is asked
    queryConfigEnabled: false, // no ?url=… of somebody else
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    tryItOutEnabled: true,
    persistAuthorization: false,
    syntaxHighlight: { theme: "nord" },
  });
});
