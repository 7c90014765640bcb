(function () {
  var link = document.getElementById("next"), next = new URL(link.href), to = next.searchParams.get("to") || link.dataset.home;
  if (location.hash.length > 1 && to.indexOf("#") < 0 && !next.searchParams.has("page")) {
    next.searchParams.set("to", to + location.hash);
  }
  location.replace(next.href);
})();