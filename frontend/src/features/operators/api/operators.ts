import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";

export type Operator = Schemas["Operator"];
export type Role = Schemas["Role"];
export type OperatorSession = Schemas["OperatorSession"];

/** A one-time token fresh from the service. It lives in the state of the dialog that shows it, and nowhere else. */
export interface IssuedLink {
  email: string;
  token: string;
  expiresAt: string | null;
}

const root = ["operators"] as const;

async function fetchOperators(signal: AbortSignal): Promise<Operator[]> {
  const { data } = await send(api.GET("/v1/operators", { signal }));
  return data.items;
}

export const operatorsQuery = queryOptions({
  queryKey: [...root, "list"],
  queryFn: ({ signal }) => fetchOperators(signal),
});

async function fetchSessions(operatorId: string, signal: AbortSignal): Promise<OperatorSession[]> {
  const { data } = await send(
    api.GET("/v1/operators/{operator_id}/sessions", { params: { path: { operator_id: operatorId } }, signal }),
  );
  return data.items;
}

export function sessionsQuery(operatorId: string) {
  return queryOptions({
    queryKey: [...root, "sessions", operatorId],
    queryFn: ({ signal }) => fetchSessions(operatorId, signal),
  });
}

function linkOf({ operator, token }: Schemas["OperatorInvitation"]): IssuedLink {
  return { email: operator.email, token, expiresAt: operator.invitation_expires_at };
}

/**
 * Refetches the operators after a change, even a refused one, as the screen may have been out of date. After a
 * successful change to the signed-in operator's `own` account, nothing can be refetched: the session has ended, or its
 * role may no longer allow it.
 */
function useSettle(own = false) {
  const queryClient = useQueryClient();
  return {
    onSettled: async (_data: unknown, error: unknown) => {
      if (error || !own) await queryClient.invalidateQueries({ queryKey: root });
    },
  };
}

/** Not awaited: the one-time link is shown without waiting for the refetch. */
function useSettleLater() {
  const { onSettled } = useSettle();
  return { onSettled: (data: unknown, error: unknown) => void onSettled(data, error) };
}

export function useInviteOperator() {
  return useSingleMutation({
    mutationFn: async (body: Schemas["OperatorInvite"]) =>
      linkOf((await send(api.POST("/v1/operators", { body }))).data),
    // The result holds the token: nothing may keep it once the component has taken it over.
    gcTime: 0,
    ...useSettleLater(),
  });
}

export function useResetPassword() {
  return useSingleMutation({
    mutationFn: async (operatorId: string) => {
      const params = { path: { operator_id: operatorId } };
      return linkOf((await send(api.POST("/v1/operators/{operator_id}/reset-password", { params }))).data);
    },
    gcTime: 0,
    ...useSettleLater(),
  });
}

interface OperatorChange {
  operatorId: string;
  patch: Schemas["OperatorPatch"];
}

async function updateOperator({ operatorId, patch }: OperatorChange): Promise<Operator> {
  const params = { path: { operator_id: operatorId } };
  return (await send(api.PATCH("/v1/operators/{operator_id}", { params, body: patch }))).data;
}

export function useUpdateOperator(own: boolean) {
  return useSingleMutation({ mutationFn: updateOperator, ...useSettle(own) });
}

interface ActivateOptions {
  /** Unlike callbacks of `mutate`, these are called for each of several operators, and once the screen has been left. */
  onSuccess: (operator: Operator) => void;
  onError: (error: Error) => void;
}

/** Lets operators sign in again, several at a time if need be. Nobody activates themselves: who is signed in is active already. */
export function useActivateOperator({ onSuccess, onError }: ActivateOptions) {
  return useMutation({
    mutationFn: (operatorId: string) => updateOperator({ operatorId, patch: { status: "active" } }),
    onSuccess,
    onError,
    ...useSettle(),
  });
}

export function useDeleteOperator(own: boolean) {
  return useSingleMutation({
    mutationFn: async (operatorId: string) => {
      await send(api.DELETE("/v1/operators/{operator_id}", { params: { path: { operator_id: operatorId } } }));
    },
    ...useSettle(own),
  });
}

export function useEndSessions(own: boolean) {
  return useSingleMutation({
    mutationFn: async (operatorId: string) => {
      await send(api.DELETE("/v1/operators/{operator_id}/sessions", { params: { path: { operator_id: operatorId } } }));
    },
    ...useSettle(own),
  });
}
