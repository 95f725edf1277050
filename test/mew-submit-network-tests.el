;;; mew-submit-network-tests.el --- Tests for mew-submit-network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-network)
(require 'mew-submit-test-helpers)

(defconst mew-submit-network-tests--route
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
  "The first line of the file route.")

(defconst mew-submit-network-tests--arp
  "IP address       HW type     Flags       HW address            Mask     Device\n"
  "The first line of the file arp.")

(defun mew-submit-network-tests--hex (address)
  "Return ADDRESS, dotted, as the file route spells it on this machine."
  (let ((octets (mapcar #'string-to-number (split-string address "\\."))))
    (apply #'format "%02X%02X%02X%02X"
           (if (eq (byteorder) ?l) (reverse octets) octets))))

(defun mew-submit-network-tests--line (interface destination gateway flags metric mask)
  "Return a line of the file route.
INTERFACE, DESTINATION, GATEWAY, FLAGS, METRIC and MASK are its words."
  (format "%s\t%s\t%s\t%04X\t0\t0\t%d\t%s\t0\t0\t0\n" interface
          (mew-submit-network-tests--hex destination)
          (mew-submit-network-tests--hex gateway) flags metric
          (mew-submit-network-tests--hex mask)))

(defmacro mew-submit-network-tests--with (files interfaces &rest body)
  "Run BODY with FILES in /proc/net, ((NAME . TEXT)...), and INTERFACES.
INTERFACES is a list of (FAMILY NAME ADDRESS MASK FLAG...)."
  (declare (indent 2) (debug (form form body)))
  `(mew-submit-test-with-directory directory
     (let ((mew-submit-network--directory directory)
           (interfaces ,interfaces))
       (pcase-dolist (`(,name . ,text) ,files)
         (mew-submit-test-write (expand-file-name name directory) text))
       (cl-letf (((symbol-function 'network-interface-list)
                  (lambda (_ family)
                    (delq nil (mapcar (pcase-lambda (`(,of ,name ,address ,mask . ,_))
                                        (and (eq of family)
                                             (list name address nil mask)))
                                      interfaces))))
                 ((symbol-function 'network-interface-info)
                  (lambda (name)
                    (list nil nil nil nil
                          (nthcdr 4 (seq-find (lambda (interface)
                                                (equal (nth 1 interface) name))
                                              interfaces))))))
         ,@body))))

(defconst mew-submit-network-tests--lan
  '((ipv4 "lo" [127 0 0 1 0] [255 0 0 0 0] loopback up)
    (ipv4 "wlan0" [192 168 1 77 0] [255 255 255 0 0] broadcast up))
  "The interfaces of a machine in a café.")

(defun mew-submit-network-tests--cafe (link)
  "Return the files of a café whose gateway has the link-layer address LINK."
  (list (cons "route"
              (concat mew-submit-network-tests--route
                      (mew-submit-network-tests--line
                       "wlan0" "0.0.0.0" "192.168.1.1" 3 600 "0.0.0.0")
                      (mew-submit-network-tests--line
                       "wlan0" "192.168.1.0" "0.0.0.0" 1 600 "255.255.255.0")))
        (cons "arp"
              (concat mew-submit-network-tests--arp
                      (and link
                           (format "192.168.1.1      0x1         0x2         \
%s     *        wlan0\n" link))))))

(defun mew-submit-network-tests--here (files &optional interfaces)
  "Return the network of IPv4 with FILES and INTERFACES, by default of a café."
  (mew-submit-network-tests--with files
      (or interfaces mew-submit-network-tests--lan)
    (mew-submit-network--here 'ipv4)))

;;; Which network

(ert-deftest mew-submit-network-tests-gateway-and-its-address ()
  "The same gateway address with another link-layer address is another network."
  (let ((cafe (mew-submit-network-tests--here
               (mew-submit-network-tests--cafe "00:00:5E:00:53:0a")))
        (home (mew-submit-network-tests--here
               (mew-submit-network-tests--cafe "00:00:5e:00:53:0b"))))
    (should (equal (plist-get cafe :label) "192.168.1.1 (00:00:5e:00:53:0a)"))
    (should (plist-get cafe :up))
    (should (string-match-p "\\`[0-9a-f]\\{16\\}\\'" (plist-get cafe :id)))
    (should-not (equal (plist-get cafe :id) (plist-get home :id)))
    (should-not (mew-submit-network--same-p cafe home))
    (should (equal cafe (mew-submit-network-tests--here
                         (mew-submit-network-tests--cafe "00:00:5e:00:53:0A"))))))

(ert-deftest mew-submit-network-tests-link-not-known-yet ()
  "A gateway nobody has talked to yet may be the same one, and goes by the prefix."
  (let ((early (mew-submit-network-tests--here
                (mew-submit-network-tests--cafe nil)))
        (later (mew-submit-network-tests--here
                (mew-submit-network-tests--cafe "00:00:5e:00:53:0a")))
        (failed (mew-submit-network-tests--here
                 (mew-submit-network-tests--cafe "00:00:00:00:00:00"))))
    (should (equal (plist-get early :label) "192.168.1.1 (192.168.1.0/24)"))
    (should (mew-submit-network--same-p early later))
    (should-not (equal (plist-get early :id) (plist-get later :id)))
    (should (equal early failed))))

(ert-deftest mew-submit-network-tests-lowest-metric ()
  "Of several default routes the one with the lowest metric counts, unless a VPN
has put two halves over it; what is down or rejects does not count."
  (let ((files (lambda (&rest lines)
                 (list (cons "route" (apply #'concat
                                            mew-submit-network-tests--route
                                            lines)))))
        (wlan (mew-submit-network-tests--line
               "wlan0" "0.0.0.0" "192.168.1.1" 3 600 "0.0.0.0"))
        (eth (mew-submit-network-tests--line
              "eth0" "0.0.0.0" "10.0.0.1" 3 100 "0.0.0.0")))
    (dolist (lines (list (list wlan eth) (list eth wlan)))
      (should (equal (plist-get (mew-submit-network-tests--here
                                 (apply files lines))
                                :gateway)
                     "10.0.0.1")))
    (dolist (bad (list (mew-submit-network-tests--line
                        "eth0" "0.0.0.0" "10.0.0.1" 2 100 "0.0.0.0")
                       (mew-submit-network-tests--line
                        "*" "0.0.0.0" "0.0.0.0" #x201 0 "0.0.0.0")
                       (mew-submit-network-tests--line
                        "eth0" "10.0.0.0" "10.0.0.1" 3 0 "255.0.0.0")))
      (should (equal (plist-get (mew-submit-network-tests--here
                                 (funcall files bad wlan))
                                :gateway)
                     "192.168.1.1")))
    (should (equal (plist-get (mew-submit-network-tests--here
                               (funcall files wlan eth
                                        (mew-submit-network-tests--line
                                         "tun0" "0.0.0.0" "10.8.0.5" 3 0
                                         "128.0.0.0")))
                              :gateway)
                   "10.8.0.5"))))

(ert-deftest mew-submit-network-tests-a-vpn-is-another-network ()
  "An interface that leads to one other machine makes it another network."
  (let ((files (mew-submit-network-tests--cafe "00:00:5e:00:53:0a")))
    (should (equal (plist-get
                    (mew-submit-network-tests--here
                     files (append mew-submit-network-tests--lan
                                   '((ipv4 "wg0" [10 9 0 2 0]
                                           [255 255 255 255 0]
                                           pointopoint noarp up))))
                    :label)
                   "192.168.1.1 (00:00:5e:00:53:0a) with wg0"))
    (should (equal (plist-get
                    (mew-submit-network-tests--here
                     files (append mew-submit-network-tests--lan
                                   '((ipv4 "docker0" [172 17 0 1 0]
                                           [255 255 0 0 0] broadcast up))))
                    :label)
                   "192.168.1.1 (00:00:5e:00:53:0a)"))))

(ert-deftest mew-submit-network-tests-no-gateway ()
  "Without a gateway the interface's prefix counts, loopback only where there is
no other; without anything there is no network."
  (should (equal (plist-get (mew-submit-network-tests--here nil) :label)
                 "wlan0 (192.168.1.0/24)"))
  (should (equal (plist-get (mew-submit-network-tests--here
                             nil '((ipv4 "lo" [127 0 0 1 0] [255 0 0 0 0]
                                         loopback up)
                                   (ipv4 "lo" [192 0 2 7 0] [255 255 255 0 0]
                                         loopback up)))
                            :label)
                 "lo (192.0.2.0/24)"))
  (let ((alone (mew-submit-network-tests--here
                nil '((ipv4 "lo" [127 0 0 1 0] [255 0 0 0 0] loopback up)
                      (ipv4 "eth0" [169 254 3 4 0] [255 255 0 0 0] up)))))
    (should (equal (plist-get alone :label) "this machine alone"))
    (should-not (plist-get alone :up))))

(ert-deftest mew-submit-network-tests-ipv6 ()
  "IPv6 has its own gateway; the reject routes of Linux do not count."
  (let ((line (lambda (destination length next metric flags interface)
                (format "%s %s %s 00 %s %s 00000001 00000000 %s %8s\n"
                        destination length (make-string 32 ?0) next metric
                        flags interface)))
        (zero (make-string 32 ?0))
        (router "fe800000000000000000000000000001"))
    (mew-submit-network-tests--with
        (list (cons "ipv6_route"
                    (concat
                     (funcall line "20010db8000000000000000000000000" "40" zero
                              "00000100" "00000001" "wlan0")
                     (funcall line zero "00" router "00000400" "00000003" "wlan0")
                     (funcall line zero "00" zero "ffffffff" "00200200" "lo"))))
        '((ipv6 "wlan0" [#xfe80 0 0 0 1 2 3 4 0]
                [65535 65535 65535 65535 0 0 0 0 0] up)
          (ipv6 "wlan0" [#x2001 #xdb8 0 0 1 2 3 4 0]
                [65535 65535 65535 65535 0 0 0 0 0] up))
      (cl-letf (((symbol-function 'mew-submit--mod-neighbour)
                 (lambda (interface address)
                   (and (equal interface "wlan0") (equal address "fe80::1")
                        "00:00:5e:00:53:06"))))
        (let ((network (mew-submit-network--here 'ipv6)))
          (should (equal (plist-get network :label)
                         "fe80::1 (00:00:5e:00:53:06)"))
          (should (equal (plist-get network :prefix) "2001:db8::/64"))))
      (cl-letf (((symbol-function 'mew-submit--mod-neighbour) #'ignore))
        (should (equal (plist-get (mew-submit-network--here 'ipv6) :label)
                       "fe80::1 (2001:db8::/64)"))))
    ;; A VPN's parts of all there is.
    (dolist (part '(("00" "8000" nil) ("20" "3" t) ("00" "1" t) ("80" "1" nil)
                    ("20" "4" t) ("30" "4" nil) ("fc" "7" nil)))
      (should (eq (and (mew-submit-network--wide-p
                        (concat (car part) (make-string 30 ?0))
                        (string-to-number (nth 1 part)))
                       t)
                  (nth 2 part))))))

(ert-deftest mew-submit-network-tests-nonsense-is-survived ()
  "Files that make no sense, or are not there, are no reason to fail."
  (should (mew-submit-network-tests--here
           '(("route" . "Iface\nx\n\0\n") ("arp" . "x\ny z\n"))))
  (dolist (files '((("route" . "eth0 00000000 01 0003 0 0 1 00000000 0 0 0\n"))
                   (("ipv6_route" . "00000000000000000000000000000000 00 \
00000000000000000000000000000000 00 fe80 00000400 0 0 00450003 eth0\n"))
                   ;; A directory is no file.
                   (("route/x" . "")) (("ipv6_route/x" . ""))))
    (mew-submit-test-with-directory directory
      (let ((mew-submit-network--directory directory))
        (pcase-dolist (`(,name . ,text) files)
          (let ((file (expand-file-name name directory)))
            (make-directory (file-name-directory file) t)
            (mew-submit-test-write file text)))
        (should (= (length (mew-submit-network--list)) 2)))))
  (let ((mew-submit-network--directory (mew-submit-test-missing "")))
    (should (= (length (mew-submit-network--list)) 2))
    (should (plist-get (mew-submit-network--primary) :label))))

(ert-deftest mew-submit-network-tests-it-is-quick ()
  "Looking at the network is reading a few files of the kernel's: Emacs may do it at any time.
Nothing is started or waited for."
  (mew-submit-network--list)
  (let ((read (symbol-function 'insert-file-contents-literally))
        (files nil)
        (waits (lambda (&rest _) (ert-fail "It starts or waits for something"))))
    (cl-letf (((symbol-function 'insert-file-contents-literally)
               (lambda (file &rest more)
                 (push file files)
                 (apply read file more)))
              ((symbol-function 'call-process) waits)
              ((symbol-function 'make-process) waits)
              ((symbol-function 'make-network-process) waits)
              ((symbol-function 'accept-process-output) waits)
              ((symbol-function 'sleep-for) waits)
              ((symbol-function 'sit-for) waits))
      (mew-submit-network--list))
    (should (<= 1 (length files) 12))))

;;; Watching

(defmacro mew-submit-network-tests--watching (networks &rest body)
  "Run BODY; while it runs a look at the network finds what NETWORKS returns."
  (declare (indent 1) (debug (form body)))
  `(let ((mew-submit-network--watches nil)
         (mew-submit-network--timer nil)
         (mew-submit-network--seen nil)
         (mew-submit-network--interval 0.02))
     (cl-letf (((symbol-function 'mew-submit-network--list)
                (lambda () ,networks)))
       (unwind-protect
           (progn ,@body)
         (mew-submit-network--stop)))))

(defun mew-submit-network-tests--net (gateway link &optional up)
  "Return a network with GATEWAY and LINK; UP is `down' for none."
  (list :id (format "%s-%s" gateway link) :gateway gateway :link link
        :up (not (eq up 'down))))

(ert-deftest mew-submit-network-tests-tells-of-another-network ()
  "Another gateway, or another machine with its address, is told; nothing is told
of a network that is gone, and of a link-layer address that was not known."
  (let ((now (mew-submit-network-tests--net "g" nil))
        (calls 0))
    (mew-submit-network-tests--watching (list now now)
      (mew-submit-network--watch (lambda () (cl-incf calls)))
      (dolist (step `((,(mew-submit-network-tests--net "g" "a") 0)
                      (,(mew-submit-network-tests--net "g" nil) 0)
                      (,(mew-submit-network-tests--net "g" "b") 1)
                      (,(mew-submit-network-tests--net nil nil 'down) 1)
                      (,(mew-submit-network-tests--net "g" "b") 2)
                      (,(mew-submit-network-tests--net "h" "b") 3)))
        (setq now (car step))
        (mew-submit-network--look)
        (should (= calls (nth 1 step)))))))

(ert-deftest mew-submit-network-tests-watch-stops-by-itself ()
  "The timer runs while somebody waits, and no longer; one who fails harms nobody."
  (let ((now (mew-submit-network-tests--net "g" "a"))
        (waiting t)
        (calls 0)
        warned)
    (cl-letf (((symbol-function 'display-warning)
               (lambda (&rest _) (setq warned t))))
      (mew-submit-network-tests--watching (list now now)
        (mew-submit-network--watch (lambda () (error "Oops"))
                                  (lambda () waiting))
        (mew-submit-network--watch (lambda () (cl-incf calls))
                                  (lambda () waiting))
        (should mew-submit-network--timer)
        (setq now (mew-submit-network-tests--net "g" "b"))
        (mew-submit-test-until ("the call") (= calls 1))
        (should warned)
        (setq waiting nil)
        (mew-submit-test-until ("the end of the timer")
          (null mew-submit-network--timer))
        ;; It begins again.
        (setq waiting t)
        (let ((function (lambda () (cl-incf calls))))
          (mew-submit-network--watch function)
          (mew-submit-network--watch function)
          (should (= (length mew-submit-network--watches) 1))
          (setq now (mew-submit-network-tests--net "g" "c"))
          (mew-submit-test-until ("the call") (= calls 2))
          (mew-submit-network--unwatch function)
          (should-not mew-submit-network--timer))))))

(provide 'mew-submit-network-tests)
;;; mew-submit-network-tests.el ends here
