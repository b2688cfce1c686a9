import i18next, { type TFunction } from "i18next";
import { createContext, type ReactNode, use, useMemo, useSyncExternalStore } from "react";
import type { Language } from "./language";

interface Translation {
  t: TFunction;
  language: Language;
}

const TranslationContext = createContext<Translation | null>(null);

function subscribe(listener: () => void): () => void {
  i18next.on("languageChanged", listener);
  return () => i18next.off("languageChanged", listener);
}

/** Looks up a text without placeholders only once: a list asks for each of its words a hundred times. */
function remembering(t: TFunction): TFunction {
  const look = t as unknown as (...parameters: unknown[]) => string;
  const known = new Map<unknown, string>();
  const remembered = (key: unknown, ...options: unknown[]) => {
    if (options.length > 0 || Array.isArray(key)) return look(key, ...options);
    let text = known.get(key);
    if (text === undefined) {
      text = look(key);
      known.set(key, text);
    }
    return text;
  };
  return remembered as unknown as TFunction;
}

/** Rerenders its children in the chosen language. */
export function TranslationProvider({ children }: { children: ReactNode }) {
  const language = useSyncExternalStore(subscribe, () => i18next.language as Language);
  const translation = useMemo(() => ({ t: remembering(i18next.getFixedT(language)), language }), [language]);
  return <TranslationContext value={translation}>{children}</TranslationContext>;
}

/**
 * The texts in the console's language. The hook of react-i18next is made for namespaces that load while the page is shown,
 * and it copies the i18n instance for every component that uses it, which took a third of the time to render a row.
 */
export function useTranslation(): Translation {
  const translation = use(TranslationContext);
  if (!translation) throw new Error("useTranslation needs a TranslationProvider");
  return translation;
}
