// Starts Swagger UI on this gateway's own contract. A file of its own: the page's policy allows no inline script.
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    validatorUrl: null, // nothing outside this gateway is asked
    queryConfigEnabled: false, // no ?url=… of somebody else
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    tryItOutEnabled: true,
    persistAuthorization: false,
  });
});
