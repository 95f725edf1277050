# mew-submit for Nix: nix-build packaging/nix, at the top of the tree.
#
# Tried with Nix 2.34.8 and no network: nix-instantiate --parse, and --eval with words in place of nixpkgs.
# Untried: with nixpkgs, and so the build and what it installs.
# SPDX-License-Identifier: GPL-3.0-or-later
{ pkgs ? import <nixpkgs> { } }:

pkgs.emacsPackages.trivialBuild {
  pname = "mew-submit";
  version = "0.2.0";
  src = ../..;
  nativeBuildInputs = [ pkgs.pkg-config ];
  buildInputs = [ pkgs.gnutls pkgs.gsasl ];
  # All Lisp files in one directory, and the module beside them: it is looked for on load-path.
  preBuild = ''
    make module
    mv lisp/*.el .
  '';
  postInstall = ''
    install -m 755 module/mew-submit-native.* -t $out/share/emacs/site-lisp
  '';
  meta = {
    description = "Send mail from Emacs in the background, port by port";
    license = pkgs.lib.licenses.gpl3Plus;
  };
}
