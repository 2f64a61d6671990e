"""Leeds Sports Pose and LSP Extended."""
