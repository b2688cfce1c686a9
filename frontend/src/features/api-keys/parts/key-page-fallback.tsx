import { Skeleton } from "@mantine/core";
import { IconKeyOff } from "@tabler/icons-react";
import { isNotFound } from "@/shared/api/api-error";
import { useTranslation } from "@/shared/i18n/use-translation";
import { EmptyState } from "@/shared/ui/empty-state";
import { HomeLink } from "@/shared/ui/home-link";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import classes from "./key-page-fallback.module.css";

interface KeyPageFallbackProps {
  error: unknown;
  retrying: boolean;
  onRetry: () => void;
}

/** What a screen about one key shows while the key is loading, when it is gone, or when it can't be read. */
export function KeyPageFallback({ error, retrying, onRetry }: KeyPageFallbackProps) {
  const { t } = useTranslation();
  if (isNotFound(error)) {
    return (
      <EmptyState icon={<IconKeyOff size={22} stroke={1.6} />} title={t("keyPage.gone.title")} action={<HomeLink />}>
        {t("keyPage.gone.text")}
      </EmptyState>
    );
  }
  if (error) {
    return <ProblemAlert error={error} title={t("keyPage.failed")} onRetry={onRetry} retrying={retrying} />;
  }
  return (
    <div className={classes.skeletons} aria-hidden>
      <Skeleton height={220} radius="lg" />
      <Skeleton height={220} radius="lg" />
    </div>
  );
}
