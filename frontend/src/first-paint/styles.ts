/*
 * The styles that the frame is painted with. They are inlined in the page, and included again in the console's own
 * styles, which arrive later.
 */
import "@mantine/core/styles/baseline.layer.css";
import "@mantine/core/styles/global.layer.css";
import "@/shared/theme/global.css";

export { default as shell } from "@/app/shell/shell.module.css";
export { default as list } from "@/features/api-keys/list/list.module.css";
export { default as page } from "@/shared/ui/page.module.css";

import "./first-paint.css";
