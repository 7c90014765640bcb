x = "</script>";
