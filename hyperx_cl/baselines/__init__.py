"""What hyperx-cl is compared with: other ways to serve many languages and tasks from one frozen backbone."""
