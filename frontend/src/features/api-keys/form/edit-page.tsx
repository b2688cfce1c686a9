import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCanGoBack, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError } from "@/shared/api/api-error";
import { useTranslation } from "@/shared/i18n/use-translation";
import { BackLink } from "@/shared/ui/back-link";
import { LeaveGuard, useHold } from "@/shared/ui/leave-guard";
import { Page } from "@/shared/ui/page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { toaster } from "@/shared/ui/toaster-store";
import type { VersionedKey } from "../api/api-key";
import { apiKeyQuery } from "../api/get-api-key";
import { useUpdateApiKey } from "../api/update-api-key";
import { KeyPageFallback } from "../parts/key-page-fallback";
import { WriteGate } from "../parts/write-gate";
import { KeyFields } from "./key-fields";
import { type KeyValues, patchOf, reapply, valuesOf } from "./key-values";
import { StaleDialog } from "./stale-dialog";
import { useKeyForm } from "./use-key-form";

interface EditPageProps {
  clientId: string;
  onDone: () => void;
}

function EditForm({ loaded, onDone }: { loaded: VersionedKey; onDone: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const queryClient = useQueryClient();
  const clientId = loaded.key.client_id;
  /** The version that the operator's changes are based on. */
  const [base, setBase] = useState(loaded);
  const [theirs, setTheirs] = useState<VersionedKey | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const keyForm = useKeyForm(valuesOf(loaded.key));
  const { form } = keyForm;
  const update = useUpdateApiKey();
  useHold(update.isPending);

  function leave() {
    if (canGoBack) router.history.back({ ignoreBlocker: true });
    else onDone();
  }

  async function showStale() {
    try {
      setTheirs(await queryClient.fetchQuery({ ...apiKeyQuery(clientId), staleTime: 0 }));
    } catch (error) {
      setProblem(error);
    }
  }

  function save(values: KeyValues, on: VersionedKey) {
    setProblem(null);
    const patch = patchOf(valuesOf(on.key), values);
    if (patch === null) {
      leave();
      return;
    }
    update.mutate(
      { clientId, etag: on.etag, patch },
      {
        onSuccess: ({ key }) => {
          toaster.show({ tone: "success", message: t("form.saved", { name: key.name }) });
          leave();
        },
        onError: (error) => {
          if (error instanceof ApiError && error.status === 412) void showStale();
          else if (!keyForm.showRejected(error)) setProblem(error);
        },
      },
    );
  }

  function rebase(on: VersionedKey, values: KeyValues) {
    setTheirs(null);
    setBase(on);
    form.setValues(values);
    form.clearErrors();
  }

  return (
    <>
      <KeyFields
        keyForm={keyForm}
        clientId={clientId}
        pending={update.isPending}
        problem={problem ? <ProblemAlert error={problem} /> : undefined}
        onSubmit={(values) => save(values, base)}
        onCancel={() =>
          canGoBack ? router.history.back() : void router.navigate({ to: "/api-keys/$clientId", params: { clientId } })
        }
      />
      <LeaveGuard
        when={!update.isPending && patchOf(valuesOf(base.key), form.getValues()) !== null}
        title={t("leave.title")}
        message={t("leave.editMessage")}
        stay={t("leave.stay")}
        leave={t("leave.discard")}
      />
      {theirs && (
        <StaleDialog
          base={valuesOf(base.key)}
          mine={form.getValues()}
          theirs={valuesOf(theirs.key)}
          onReapply={() => {
            const values = reapply(valuesOf(base.key), form.getValues(), valuesOf(theirs.key));
            rebase(theirs, values);
            save(values, theirs);
          }}
          onDiscard={() => rebase(theirs, valuesOf(theirs.key))}
          onClose={() => setTheirs(null)}
        />
      )}
    </>
  );
}

export function EditPage({ clientId, onDone }: EditPageProps) {
  const { t } = useTranslation();
  // An edit starts from what the service holds now, not from what an earlier screen has read.
  const query = useQuery({ ...apiKeyQuery(clientId), refetchOnMount: "always" });
  const [entered] = useState(Date.now);
  const loaded = query.dataUpdatedAt >= entered ? query.data : undefined;
  return (
    <WriteGate title={t("form.editTitle")}>
      <Page
        width="form"
        title={t("form.editTitle")}
        documentTitle={query.data ? `${t("form.editTitle")} · ${query.data.key.name}` : t("form.editTitle")}
        back={
          <BackLink to="/api-keys/$clientId" params={{ clientId }}>
            {query.data?.key.name ?? t("list.title")}
          </BackLink>
        }
      >
        {loaded ? (
          <EditForm loaded={loaded} onDone={onDone} />
        ) : (
          <KeyPageFallback error={query.error} retrying={query.isFetching} onRetry={() => void query.refetch()} />
        )}
      </Page>
    </WriteGate>
  );
}
