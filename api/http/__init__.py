"""What every HTTP answer shares: refusals, admission, headers, health, pages and logs."""
