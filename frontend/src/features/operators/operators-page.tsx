import { Button, Skeleton, VisuallyHidden } from "@mantine/core";
import { IconLock, IconUserPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import table from "@/shared/ui/data-table.module.css";
import { EmptyState } from "@/shared/ui/empty-state";
import { HomeLink } from "@/shared/ui/home-link";
import { Page } from "@/shared/ui/page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { operatorsQuery } from "./api/operators";
import { type OperatorActions, useOperatorActions } from "./operator-actions";
import { OperatorRow } from "./operator-row";
import classes from "./operators.module.css";

function Operators({ actions }: { actions: OperatorActions }) {
  const { t } = useTranslation();
  const { data, error, isFetching, refetch } = useQuery(operatorsQuery);
  const withMethods = data?.some((operator) => operator.sign_in_method !== "password") ?? false;
  return (
    <Page
      title={t("operators.title")}
      description={t("operators.description")}
      actions={
        <Button leftSection={<IconUserPlus size={16} stroke={1.9} aria-hidden />} onClick={() => actions.invite()}>
          {t("operators.invite")}
        </Button>
      }
    >
      {error && (
        <ProblemAlert
          error={error}
          title={t("operators.failed")}
          onRetry={() => void refetch()}
          retrying={isFetching}
        />
      )}
      {!data && !error && <Skeleton height={240} radius="lg" aria-hidden />}
      {data && (
        <Card flush>
          <table className={table.table} aria-label={t("operators.title")}>
            <thead>
              <tr>
                <th scope="col">{t("signIn.email")}</th>
                <th scope="col" className={classes.roleCell}>
                  {t("operators.role")}
                </th>
                <th scope="col" className={classes.statusCell}>
                  {t("key.status")}
                </th>
                <th scope="col" className={classes.timeCell}>
                  {t("operators.added")}
                </th>
                <th scope="col" className={table.menuCell}>
                  <VisuallyHidden>{t("list.actions")}</VisuallyHidden>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.map((operator) => (
                <OperatorRow key={operator.id} operator={operator} withMethod={withMethods} actions={actions} />
              ))}
            </tbody>
          </table>
        </Card>
      )}
    </Page>
  );
}

function AdminsOnly() {
  const { t } = useTranslation();
  return (
    <Page title={t("operators.title")}>
      <EmptyState icon={<IconLock size={22} stroke={1.6} />} title={t("operators.adminsOnly")} action={<HomeLink />}>
        {t("operators.adminsOnlyText")}
      </EmptyState>
    </Page>
  );
}

/** Who may sign in, and with which role. Only admins see this page. */
export function OperatorsPage() {
  const { operator } = useSession();
  // Outside of the check: a one-time link stays on the screen even if the operator stops being an admin meanwhile.
  const { actions, dialogs } = useOperatorActions();
  return (
    <>
      {operator.role === "admin" ? <Operators actions={actions} /> : <AdminsOnly />}
      {dialogs}
    </>
  );
}
