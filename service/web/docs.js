// Shows the API's own description; the key that a reader enters stays in this page.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null, // else it asks another host
});
