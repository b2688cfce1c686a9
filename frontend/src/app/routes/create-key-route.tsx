import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { CreatePage } from "@/features/api-keys/form/create-page";

export default function CreateKeyRoute() {
  const navigate = useNavigate();
  const toList = useCallback(() => {
    void navigate({ to: "/api-keys", replace: true, ignoreBlocker: true });
  }, [navigate]);
  return <CreatePage onDone={toList} />;
}
