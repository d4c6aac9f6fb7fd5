// Starts Redoc. Its search runs in a worker made from a blob, which the page's policy does not allow: left out.
const family = "system-ui, sans-serif";
Redoc.init(
  "/openapi.json",
  {
    disableSearch: true,
    expandResponses: "200",
    theme: { typography: { fontFamily: family, headings: { fontFamily: family } } },
  },
  document.getElementById("page"),
);
