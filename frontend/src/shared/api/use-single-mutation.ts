import { type UseMutationOptions, type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { useId } from "react";

/**
 * A mutation of which one call runs at a time: `mutate` does nothing while an earlier one is under way. The form or button
 * shows that only when it is rendered again, and a second submit may come before. `mutateAsync` is not held back: it is for
 * what may be done to several things at once.
 */
export function useSingleMutation<Data, Variables = void>(
  options: UseMutationOptions<Data, Error, Variables>,
): UseMutationResult<Data, Error, Variables> {
  const queryClient = useQueryClient();
  const mutationKey = [useId()];
  const mutation = useMutation({ ...options, mutationKey });
  return {
    ...mutation,
    mutate: (...call) => {
      if (queryClient.isMutating({ mutationKey }) === 0) mutation.mutate(...call);
    },
  };
}
