// The website made from docs/. `make docs` builds and serves it. The pages are plain Markdown, which code hosts
// also render; this file contains what is different on the website.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const docs = path.resolve(fileURLToPath(new URL("..", import.meta.url)));
const repository = "https://github.com/fibermsal/fibermsal";

// sidebar is created from the lists in docs/README.md, so that each page is listed in one place.
function sidebar() {
  const groups = [];
  for (const line of readFileSync(path.join(docs, "README.md"), "utf8").split("\n")) {
    const heading = /^## (.+)$/.exec(line);
    const entry = /^- \[([^\]]+)\]\(([^)#]+)\.md\)/.exec(line);
    if (heading) groups.push({ text: heading[1], items: [], collapsed: false });
    if (entry && !entry[2].startsWith("..") && groups.length > 0) groups.at(-1).items.push({ text: entry[1], link: "/" + entry[2] });
  }
  return groups.filter((group) => group.items.length > 0);
}

// slug returns the same anchors as code hosts do, because the documents use them. docs/links_test.go has the same rule.
function slug(heading) {
  return heading.toLowerCase().replace(/[^a-z0-9 _\-\u0080-\uffff]/g, "").replaceAll(" ", "-");
}

// rewriteLinks points links to files outside docs at the repository, because the website contains only docs.
function rewriteLinks(md) {
  const render = md.renderer.rules.link_open ?? ((tokens, i, options, env, self) => self.renderToken(tokens, i, options));
  md.renderer.rules.link_open = (tokens, i, options, env, self) => {
    const href = tokens[i].attrGet("href");
    if (/^\.\.?\//.test(href) && env.path) {
      const target = path.resolve(path.dirname(env.path), href);
      if (path.relative(docs, target).startsWith("..")) {
        tokens[i].attrSet("href", `${repository}/blob/main/${path.relative(path.dirname(docs), target)}`);
      }
    }
    return render(tokens, i, options, env, self);
  };
}

// wide lets wide tables scroll, so that they do not make the page wider than the screen of a phone.
function wide(md) {
  md.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>\n';
  md.renderer.rules.table_close = () => "</table></div>\n";
}

export default defineConfig({
  title: "fibermsal",
  description: "Sign in with Microsoft for Fiber apps",
  lang: "en",
  rewrites: { "README.md": "index.md" },
  srcExclude: ["**/testdata/**"],
  ignoreDeadLinks: "localhostLinks",
  markdown: {
    anchor: { slugify: slug },
    headers: { slugify: slug },
    toc: { slugify: slug },
    config(md) {
      md.use(rewriteLinks);
      md.use(wide);
    },
  },
  themeConfig: {
    nav: [{ text: "Repository", link: repository }],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
    docFooter: { prev: "Previous", next: "Next" },
  },
});
