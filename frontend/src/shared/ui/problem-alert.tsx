import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { problemMessage, reportableRequestId } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./problem-alert.module.css";

interface ProblemAlertProps {
  error: unknown;
  title?: string;
  onRetry?: () => void;
  retrying?: boolean;
}

/** Says what went wrong, with the request's id when the service is at fault, and offers to try again. */
export function ProblemAlert({ error, title, onRetry, retrying = false }: ProblemAlertProps) {
  const { t } = useTranslation();
  const requestId = reportableRequestId(error);
  return (
    <Alert
      role="alert"
      className={classes.alert}
      icon={<IconAlertTriangle size={18} stroke={1.8} aria-hidden />}
      title={title}
      classNames={{ body: classes.body, icon: classes.icon, title: classes.title, message: classes.message }}
    >
      <Group justify="space-between" gap="sm" align="center">
        <div className={classes.text}>
          {problemMessage(t, error)}
          {requestId && (
            <Text component="span" display="block" size="xs" mt={2}>
              {t("problem.requestId")} <code>{requestId}</code>
            </Text>
          )}
        </div>
        {onRetry && (
          <Button variant="default" size="xs" loading={retrying} onClick={onRetry}>
            {t("action.retry")}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
