import { Button } from "@mantine/core";
import { IconError404, IconPlugConnectedX } from "@tabler/icons-react";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { problemMessage, reportableRequestId } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { EmptyState } from "@/shared/ui/empty-state";
import { HomeLink } from "@/shared/ui/home-link";
import { useDocumentTitle } from "@/shared/ui/use-document-title";
import classes from "./fallback-screens.module.css";

export function NotFoundScreen() {
  const { t } = useTranslation();
  useDocumentTitle(t("notFound.title"));
  return (
    <div className={classes.screen}>
      <EmptyState
        heading="h1"
        icon={<IconError404 size={24} stroke={1.6} />}
        title={t("notFound.title")}
        action={<HomeLink />}
      >
        {t("notFound.text")}
      </EmptyState>
    </div>
  );
}

export function ErrorScreen({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const router = useRouter();
  useDocumentTitle(t("errorScreen.title"));
  const requestId = reportableRequestId(error);
  return (
    <div className={classes.screen} role="alert">
      <EmptyState
        heading="h1"
        icon={<IconPlugConnectedX size={22} stroke={1.6} />}
        title={t("errorScreen.title")}
        action={
          <Button
            variant="default"
            onClick={() => {
              reset();
              void router.invalidate();
            }}
          >
            {t("action.retry")}
          </Button>
        }
      >
        {problemMessage(t, error)}
        {requestId && (
          <>
            <br />
            {t("problem.requestId")} <code>{requestId}</code>
          </>
        )}
      </EmptyState>
    </div>
  );
}
