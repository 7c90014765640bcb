(function () {
  var link = document.getElementById("next"), next = new URL(link.href), to = next.searchParams.get("to") || link.dataset.home;
  var fits = to.length + 3 * location.hash.length < 3000; // of the 4,096 bytes of a header or a path
  if (fits && location.hash.length > 1 && to.indexOf("#") < 0 && !next.searchParams.has("page")) {
    next.searchParams.set("to", to + location.hash);
  }
  location.replace(next.href);
})();