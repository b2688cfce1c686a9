import { Button, Menu } from "@mantine/core";
import { IconDownload, IconHistory, IconSearchOff, IconShieldCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/features/session/session-query";
import { problemMessage } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { EmptyState } from "@/shared/ui/empty-state";
import { Page } from "@/shared/ui/page";
import { toaster } from "@/shared/ui/toaster-store";
import { exportEvents } from "./api/export-events";
import { keyNamesQuery } from "./api/names";
import { useVerifyEvents } from "./api/verify-events";
import classes from "./audit-page.module.css";
import { type AuditSearch, auditDefaults, type ExportFormat, exportFormats, isFiltered } from "./audit-search";
import { EventList } from "./event-list";
import { AuditFilters } from "./filters/audit-filters";
import { isAboutKeys } from "./sentence";
import { VerificationResult } from "./verify-log";

interface AuditPageProps {
  search: AuditSearch;
  onChange: (next: AuditSearch, options?: { replace?: boolean }) => void;
}

/** The audit log: who changed what, when and from where. */
export function AuditPage({ search, onChange }: AuditPageProps) {
  const { t } = useTranslation();
  const { operator } = useSession();
  const keyNames = useQuery(keyNamesQuery);
  const verify = useVerifyEvents();
  const filtered = isFiltered(search);
  const adminsOnly = operator.role !== "admin" && search.action !== "" && !isAboutKeys(search.action);

  function save(format: ExportFormat) {
    exportEvents(search, format).catch((error: unknown) =>
      toaster.show({ tone: "error", message: problemMessage(t, error) }),
    );
  }

  return (
    <Page
      title={t("audit.title")}
      description={operator.role === "admin" ? t("audit.description") : t("audit.descriptionKeys")}
      actions={
        <>
          <Menu width={200}>
            <Menu.Target>
              <Button variant="default" leftSection={<IconDownload size={16} stroke={1.7} aria-hidden />}>
                {t("audit.export.label")}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {filtered && <Menu.Label>{t("audit.export.filtered")}</Menu.Label>}
              {exportFormats.map((format) => (
                <Menu.Item key={format} onClick={() => save(format)}>
                  {t(`audit.export.${format}`)}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
          {operator.role === "admin" && (
            <Button
              variant="default"
              leftSection={<IconShieldCheck size={16} stroke={1.7} aria-hidden />}
              loading={verify.isPending}
              onClick={() => verify.mutate()}
            >
              {t("audit.verify.action")}
            </Button>
          )}
        </>
      }
    >
      <div className={classes.panel}>
        <VerificationResult
          askedAt={verify.submittedAt}
          result={verify.data}
          error={verify.error}
          onRetry={() => verify.mutate()}
          onClose={verify.reset}
        />
        <AuditFilters search={search} onChange={onChange} />
        <Card flush>
          <EventList
            search={search}
            keyNames={keyNames.data}
            empty={
              filtered ? (
                <EmptyState
                  icon={<IconSearchOff size={22} stroke={1.6} />}
                  title={t("audit.noMatch.title")}
                  action={
                    <Button variant="default" onClick={() => onChange(auditDefaults)}>
                      {t("audit.filter.clear")}
                    </Button>
                  }
                >
                  {adminsOnly ? t("audit.noMatch.adminsOnly") : t("audit.noMatch.text")}
                </EmptyState>
              ) : (
                <EmptyState icon={<IconHistory size={22} stroke={1.6} />} title={t("audit.empty.title")}>
                  {t("audit.empty.text")}
                </EmptyState>
              )
            }
          />
        </Card>
      </div>
    </Page>
  );
}
