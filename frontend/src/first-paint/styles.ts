/* What the frame is painted with. It stands in the page itself, and again in the console's styles, which arrive later. */
import "@mantine/core/styles/baseline.layer.css";
import "@mantine/core/styles/global.layer.css";
import "@/shared/theme/global.css";

export { default as shell } from "@/app/shell/shell.module.css";
export { default as list } from "@/features/api-keys/list/list.module.css";
export { default as page } from "@/shared/ui/page.module.css";

import "./first-paint.css";
