import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useCanWrite } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { EmptyState } from "@/shared/ui/empty-state";
import { HomeLink } from "@/shared/ui/home-link";
import { Page } from "@/shared/ui/page";

/** Shows a screen that makes changes only to operators who may make them; readonly operators are told that they can't. */
export function WriteGate({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useTranslation();
  if (useCanWrite()) return children;
  return (
    <Page title={title}>
      <EmptyState icon={<IconLock size={22} stroke={1.6} />} title={t("readonly.title")} action={<HomeLink />}>
        {t("readonly.text")}
      </EmptyState>
    </Page>
  );
}
