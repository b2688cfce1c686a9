/*
 * What a page shows until the console has arrived: the shell around every page and, for the list, its title. The build
 * renders it into index.html once per language, and first-paint.ts decides which one is shown. It therefore runs in Node,
 * without hooks, and uses the class names of the built CSS (scripts/first-paint.ts).
 */
import { IconChartBar, IconHistory, IconKey, IconMenu2 } from "@tabler/icons-react";
import type en from "../shared/i18n/locales/en.json";
import { BrandMark } from "../shared/ui/brand-mark";

interface FirstPaintProps {
  language: string;
  texts: Pick<typeof en, "app" | "list" | "nav">;
  /** The built class name for a class of a CSS module. */
  classOf: (module: string, name: string) => string;
}

const cards = [0, 1, 2, 3];
const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** What stays if the console does not arrive. */
function StartFailed({ language, texts }: Pick<FirstPaintProps, "language" | "texts">) {
  return (
    <p className="start-failed" lang={language} role="alert">
      {texts.app.failed}
    </p>
  );
}

/** The frame can't be used and soon goes away, so it is `inert`: it can be neither read out nor focused. */
function Frame({ language, texts, classOf }: FirstPaintProps) {
  const shell = (name: string) => classOf("shell", name);
  const page = (name: string) => classOf("page", name);
  const list = (name: string) => classOf("list", name);
  const places = [
    { label: texts.nav.apiKeys, icon: IconKey },
    { label: texts.nav.usage, icon: IconChartBar },
    { label: texts.nav.audit, icon: IconHistory },
  ];
  const brandText = (
    <div className={shell("brandText")}>
      <span className={shell("brandName")}>{texts.app.name}</span>
      <span className={shell("tenancy")}>&nbsp;</span>
    </div>
  );
  return (
    <div className="first-paint" lang={language} inert>
      <div className={shell("shell")}>
        <header className={shell("topBar")}>
          <span className="first-paint-menu">
            <IconMenu2 size={20} stroke={1.8} />
          </span>
          <BrandMark size={24} />
          {brandText}
        </header>
        <aside className={shell("side")}>
          <div>
            <div className={shell("brand")}>
              <BrandMark size={30} />
              {brandText}
            </div>
            <ul className={shell("places")}>
              {places.map(({ label, icon: Icon }) => (
                <li key={label} className={shell("place")}>
                  <Icon size={17} stroke={1.8} />
                  {label}
                </li>
              ))}
            </ul>
          </div>
        </aside>
        <main className={shell("main")}>
          <div className={`first-paint-list ${page("page")}`}>
            <div className={page("header")}>
              <div className={page("headline")}>
                <h1 className={page("title")}>{texts.list.title}</h1>
                <p className={page("description")}>{texts.list.description}</p>
              </div>
              <div className="first-paint-button" />
            </div>
            <div className={list("panel")}>
              <div className={list("toolbar")}>
                <div className={`first-paint-field ${list("search")}`} />
                <div className="first-paint-filter">
                  {[texts.list.filter.all, texts.list.filter.active, texts.list.filter.inactive].map((label) => (
                    <span key={label}>{label}</span>
                  ))}
                </div>
                <div className={`first-paint-field first-paint-sort ${list("sort")}`} />
              </div>
              <div className={`first-paint-cards ${list("cards")}`}>
                {cards.map((card) => (
                  <div key={card} className={list("card")} />
                ))}
              </div>
              <div className={`first-paint-table ${list("tableFrame")}`}>
                {rows.map((row) => (
                  <div key={row} className="first-paint-row" />
                ))}
              </div>
            </div>
          </div>
        </main>
      </div>
    </div>
  );
}

export function FirstPaint(props: FirstPaintProps) {
  return (
    <>
      <Frame {...props} />
      <StartFailed language={props.language} texts={props.texts} />
    </>
  );
}
