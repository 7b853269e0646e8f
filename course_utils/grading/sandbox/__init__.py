"""Where code that nobody trusts runs: inside it zygote, keeper, watch, kernel, outside it host and student_kernel."""
