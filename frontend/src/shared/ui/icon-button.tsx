import type { ButtonHTMLAttributes, Ref } from "react";
import classes from "./icon-button.module.css";

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  ref?: Ref<HTMLButtonElement>;
  "aria-label": string;
  /** Its width and height in pixels. */
  size: 24 | 30;
  tone?: "gray" | "teal";
}

/** An icon to press. A row has several and a list has a hundred rows, so it is a plain element. */
export function IconButton({ size, tone = "gray", className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={className ? `${classes.root} ${className}` : classes.root}
      data-reach="around"
      data-size={size}
      data-tone={tone}
    />
  );
}
