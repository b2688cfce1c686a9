import { type UseMutationOptions, type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { useId } from "react";

/**
 * A mutation that runs one call at a time: `mutate` does nothing while an earlier call is pending. A form or button shows
 * that only after its next render, and a second submit may come before.
 */
export function useSingleMutation<Data, Variables = void>(
  options: UseMutationOptions<Data, Error, Variables>,
): Omit<UseMutationResult<Data, Error, Variables>, "mutateAsync"> {
  const queryClient = useQueryClient();
  const mutationKey = [useId()];
  const { mutateAsync: _, ...mutation } = useMutation({ ...options, mutationKey });
  return {
    ...mutation,
    mutate: (...call) => {
      if (queryClient.isMutating({ mutationKey }) === 0) mutation.mutate(...call);
    },
  };
}
